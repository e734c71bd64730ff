import type { ComponentChildren } from 'preact';

/** Inserts trusted markup (plots, style sheet) unescaped; never use it for text of an entry. */
export function Raw({ as: Tag, html, ...rest }: { as: 'div' | 'style'; html: string; class?: string }) {
  const markup = { dangerouslySetInnerHTML: { __html: html } };
  return <Tag {...rest} {...markup} />;
}

/** Renders a plot with a title above and an explanation below. */
export function Figure({
  title,
  svg,
  children,
}: {
  title?: string;
  svg: string;
  children?: ComponentChildren;
}) {
  return (
    <figure>
      {title && <h3>{title}</h3>}
      <Raw as="div" class="plot" html={svg} />
      {children && <figcaption>{children}</figcaption>}
    </figure>
  );
}

/** Renders names and values in two columns; rows whose value is null are omitted. */
export function Facts({ rows }: { rows: [name: ComponentChildren, value: ComponentChildren | null][] }) {
  return (
    <dl class="facts">
      {rows
        .filter(([, value]) => value !== null)
        .map(([name, value]) => (
          <>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </>
        ))}
    </dl>
  );
}

/** Wraps wide content in a scrollable box that the keyboard can reach. */
export function Scroll({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable box must be reachable by keyboard
    <section class="scroll" aria-label={label} tabIndex={0}>
      {children}
    </section>
  );
}
