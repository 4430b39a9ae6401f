/** Writing and reading the small XML documents of the S3 API. */
import { S3Fault } from './fault.ts';

const S3_NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** XML text of a value. Control characters, which keys may hold, become numeric references as on AWS. */
function escapeXml(text: string): string {
  return text.replace(/[&<>"\p{Cc}\ufffe\uffff]/gu, (character) => {
    const named = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }[character];
    return named ?? `&#x${character.charCodeAt(0).toString(16)};`;
  });
}

/** One element with text; nothing when the value is undefined. */
export function leaf(name: string, value: string | number | boolean | undefined): string {
  return value === undefined ? '' : `<${name}>${escapeXml(String(value))}</${name}>`;
}

/** One element around others, which are XML already. */
export function branch(name: string, ...children: readonly string[]): string {
  return `<${name}>${children.join('')}</${name}>`;
}

/** A whole reply: the root element in the S3 namespace. */
export function xmlDocument(root: string, ...children: readonly string[]): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="${S3_NAMESPACE}">${children.join('')}</${root}>`;
}

/** The error document, which has no namespace. */
export function errorDocument(...children: readonly string[]): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${branch('Error', ...children)}`;
}

export interface XmlElement {
  readonly name: string;
  readonly children: readonly XmlElement[];
  readonly text: string;
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function unescapeXml(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]+)|#([0-9]+)|([a-z]+));/gi, (_whole, hex, decimal, name) => {
    if (name !== undefined) return entities[name] ?? malformed();
    const code = hex === undefined ? Number.parseInt(decimal, 10) : Number.parseInt(hex, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : malformed();
  });
}

function malformed(): never {
  throw new S3Fault('MalformedXML');
}

/** The root element of a request's body, prefixes and attributes dropped. Throws `MalformedXML`, also when the root has another name. */
export function readXml(body: Buffer, rootName: string): XmlElement {
  interface Open {
    name: string;
    children: XmlElement[];
    text: string;
  }
  const top: Open = { name: '', children: [], text: '' };
  const stack: Open[] = [top];
  const source = body.toString('utf8').replace(/^\ufeff/, '');
  for (const [token] of source.matchAll(/<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<[^>]*>|[^<]+|</g)) {
    const current = stack.at(-1)!;
    if (!token.startsWith('<')) current.text += unescapeXml(token);
    else if (token.startsWith('<?') || token.startsWith('<!--')) continue;
    else if (token.startsWith('</')) {
      if (stack.length === 1 || token.slice(2, -1).trim().replace(/^.*:/, '') !== current.name) malformed();
      stack.pop();
      stack.at(-1)!.children.push(current);
    } else {
      const match = /^<(?:[\w.-]+:)?([\w.-]+)(?:\s[^>]*?)?(\/?)>$/.exec(token);
      if (match === null) malformed();
      const element: Open = { name: match[1]!, children: [], text: '' };
      if (match[2] === '/') current.children.push(element);
      else stack.push(element);
    }
  }
  const root = top.children[0];
  if (stack.length !== 1 || top.children.length !== 1 || root?.name !== rootName) malformed();
  return root;
}

/** The text of the first child of that name. */
export function childText(element: XmlElement, name: string): string | undefined {
  return element.children.find((child) => child.name === name)?.text;
}

/** All children of that name. */
export function childrenNamed(element: XmlElement, name: string): readonly XmlElement[] {
  return element.children.filter((child) => child.name === name);
}
