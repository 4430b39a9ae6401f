import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSync } from '@swc/core';

export const root = fileURLToPath(new URL('../../', import.meta.url));

export interface SourceFile {
  /** Relative to the root of the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /** Files of ours that it imports (types, dynamic imports and worker files included), relative to the root. */
  readonly imports: readonly string[];
  /** The same without type-only imports: what is loaded when the program runs. */
  readonly loads: readonly string[];
  /** Packages and modules of Node that it imports, by specifier. */
  readonly packages: readonly string[];
  readonly loadedPackages: readonly string[];
  /** Members of globals that it uses, `process.env` for one, and globals that it calls or constructs, `setTimeout()`, `new Date()`. */
  readonly uses: ReadonlySet<string>;
  /** Whether it does nothing but hand on what others export. */
  readonly isBarrel: boolean;
}

/** All source files of `folders` that exist. */
export function readSources(...folders: string[]): readonly SourceFile[] {
  return listFiles(...folders)
    .filter((path) => /\.(ts|mjs|cjs)$/.test(path))
    .map(readSource);
}

/** All files under `folders`, in order. */
export function listFiles(...folders: string[]): readonly string[] {
  return folders.flatMap((folder) => {
    try {
      return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
        .sort();
    } catch {
      return [];
    }
  });
}

interface Node {
  readonly type?: string;
  readonly [key: string]: unknown;
}

const readSource = (path: string): SourceFile => parseSource(path, readFileSync(join(root, path), 'utf8'));

export function parseSource(path: string, text: string): SourceFile {
  const module = parseSync(text, { syntax: 'typescript', target: 'es2024' }) as unknown as Node & { body: Node[] };
  const found: { specifier: string; typeOnly: boolean }[] = [];
  const uses = new Set<string>();
  visit(module, (node) => {
    const specifier = specifierOf(node);
    if (specifier !== undefined) found.push({ specifier, typeOnly: isTypeOnly(node) });
    for (const use of usesOf(node)) uses.add(use);
  });
  const ours = (list: typeof found): string[] =>
    [...new Set(list.map(({ specifier }) => specifier))]
      .filter((specifier) => specifier.startsWith('.'))
      .map((specifier) => normalize(join(dirname(path), specifier)));
  const foreign = (list: typeof found): string[] =>
    [...new Set(list.map(({ specifier }) => specifier))].filter((specifier) => !specifier.startsWith('.'));
  const loaded = found.filter(({ typeOnly }) => !typeOnly);
  return {
    path,
    text,
    imports: ours(found),
    loads: ours(loaded),
    packages: foreign(found),
    loadedPackages: foreign(loaded),
    uses,
    isBarrel: module.body.length > 0 && module.body.every(isHandedOn),
  };
}

function visit(value: unknown, see: (node: Node) => void): void {
  if (Array.isArray(value)) for (const item of value) visit(item, see);
  else if (typeof value === 'object' && value !== null) {
    see(value as Node);
    for (const item of Object.values(value)) visit(item, see);
  }
}

const literal = (node: unknown): string | undefined => {
  const { type, value } = (node ?? {}) as { type?: string; value?: unknown };
  return type === 'StringLiteral' && typeof value === 'string' ? value : undefined;
};

function specifierOf(node: Node): string | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportAllDeclaration':
    case 'ExportNamedDeclaration':
      return literal(node.source);
    case 'TsImportType':
      return literal(node.argument);
    case 'CallExpression': {
      const { type, value } = node.callee as { type: string; value?: string };
      return type === 'Import' || value === 'require' ? argumentOf(node) : undefined;
    }
    case 'NewExpression': {
      const isUrl = (node.callee as { value?: string }).value === 'URL';
      const target = isUrl ? argumentOf(node) : undefined;
      return target !== undefined && /^\.{1,2}\/.*\.ts$/.test(target) ? target : undefined;
    }
    default:
      return undefined;
  }
}

/** The first argument, where it is a plain text. */
const argumentOf = (node: Node): string | undefined =>
  literal((node.arguments as { expression: unknown }[] | undefined)?.[0]?.expression);

function isTypeOnly(node: Node): boolean {
  if (node.type === 'TsImportType' || node.typeOnly === true) return true;
  const specifiers = node.specifiers as { isTypeOnly?: boolean }[] | undefined;
  return specifiers !== undefined && specifiers.length > 0 && specifiers.every((each) => each.isTypeOnly === true);
}

const nameOf = (part: unknown): string | undefined => {
  const { type, value } = (part ?? {}) as { type?: string; value?: string };
  return type === 'Identifier' ? value : undefined;
};

function usesOf(node: Node): readonly string[] {
  switch (node.type) {
    case 'MemberExpression': {
      const [object, property] = [nameOf(node.object), nameOf(node.property) ?? literal(keyOf(node.property))];
      return object !== undefined && property !== undefined ? [`${object}.${property}`] : [];
    }
    case 'VariableDeclarator': {
      const object = nameOf(node.init);
      const { type, properties } = node.id as { type: string; properties?: { key?: unknown }[] };
      if (object === undefined || type !== 'ObjectPattern') return [];
      return (properties ?? []).map(({ key }) => `${object}.${nameOf(key) ?? '?'}`);
    }
    case 'CallExpression': {
      const callee = nameOf(node.callee);
      return callee === undefined ? [] : [`${callee}()`];
    }
    case 'NewExpression': {
      const callee = nameOf(node.callee);
      return callee === undefined || (node.arguments as unknown[] | undefined)?.length !== 0 ? [] : [`new ${callee}()`];
    }
    default:
      return [];
  }
}

/** The expression inside `object[...]`. */
const keyOf = (property: unknown): unknown => (property as { expression?: unknown } | undefined)?.expression;

const isHandedOn = (node: Node): boolean =>
  node.type === 'ExportAllDeclaration' ||
  (node.type === 'ExportNamedDeclaration' && literal(node.source) !== undefined);
