// The framework takes plugins from its service's own folder only.
export { default } from '../../../local/offline-plugin.ts';
