/** The MLflow that `npm run test:interop` installs; benchmarks beside it are skipped where it is not. */
import { existsSync } from 'node:fs';
import { modelOf, newest, programOf } from '../test/interop/mlflow-install.ts';

export function whyNotInstalled(): string | undefined {
  return existsSync(programOf(newest, 'mlflow')) && existsSync(modelOf(newest, 'labels'))
    ? undefined
    : 'MLflow is not installed here; npm run test:interop -- mlflow installs it';
}
