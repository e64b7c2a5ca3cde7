export const applicationAnchor = (name: string) => `application-${name}`

/** Leads to an application on the same page. */
export function ApplicationLink({ name }: { name: string }) {
  return <a href={`#${applicationAnchor(name)}`}>{name}</a>
}
