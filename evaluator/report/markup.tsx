import type { ComponentChildren } from 'preact';

/** Markup made by ourselves (a drawn plot, the style sheet), put in as it is; never text that came from an entry. */
export function Raw({ as: Tag, html, ...rest }: { as: 'div' | 'style'; html: string; class?: string }) {
  const markup = { dangerouslySetInnerHTML: { __html: html } };
  return <Tag {...rest} {...markup} />;
}

/** A plot with its title above and what to read from it below. */
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

/** Names and values in two columns; rows whose value is null are left out. */
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

/** Something wider than a phone: scrolls inside its own box, also by keyboard. */
export function Scroll({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
    <section class="scroll" aria-label={label} tabIndex={0}>
      {children}
    </section>
  );
}
