/** Markup that is safe to place in a page. Everything else is escaped where it is placed. */
export interface Html {
  readonly markup: string;
}

export type Piece = Html | string | number | undefined | false | readonly Piece[];

/** Builds markup; every value placed in it that is not markup itself is escaped. */
export function html(parts: TemplateStringsArray, ...values: readonly Piece[]): Html {
  let markup = parts[0]!;
  values.forEach((value, i) => {
    markup += markupOf(value) + parts[i + 1]!;
  });
  return { markup };
}

/** Takes text as markup as it is: only for what this room itself wrote. */
export const trusted = (markup: string): Html => ({ markup });

function markupOf(value: Piece): string {
  if (value === undefined || value === false) return '';
  if (typeof value === 'string' || typeof value === 'number') return escapeHtml(String(value));
  if ('markup' in value) return value.markup;
  return value.map(markupOf).join('');
}

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** JSON that may stand in a script element of a page. */
export function embeddedJson(value: unknown): Html {
  return trusted(
    JSON.stringify(value)
      .replaceAll('<', '\\u003c')
      .replaceAll('\u2028', '\\u2028')
      .replaceAll('\u2029', '\\u2029'),
  );
}
