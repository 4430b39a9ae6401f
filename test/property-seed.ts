/**
 * Property tests draw the same cases in every run, so that a change is judged by what it changed. To look for new cases:
 * `TAMIS_PROPERTY_SEED=random npm test`, or any whole number in its place.
 */
import { configureGlobal } from 'fast-check';

const asked = process.env['TAMIS_PROPERTY_SEED'] ?? '20261123';
if (asked !== 'random') configureGlobal({ seed: Number(asked) });
