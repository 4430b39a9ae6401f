/** @type {import('jest').Config} */
const base = {
  testEnvironment: 'node',
  setupFiles: ['<rootDir>/test/property-seed.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2024', experimental: { keepImportAttributes: true } } },
    ],
  },
  modulePathIgnorePatterns: [
    '<rootDir>/.interop/',
    '<rootDir>/.serverless/',
    '<rootDir>/.tamis/',
    '<rootDir>/.esbuild/',
  ],
};

export default {
  projects: [
    { ...base, displayName: 'unit', testMatch: ['<rootDir>/test/**/*.test.ts'] },
    { ...base, displayName: 'interop', testMatch: ['<rootDir>/test/interop/**/*.interop.ts'] },
  ],
};
