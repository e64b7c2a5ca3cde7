/** As much of OpenAPI as it takes. */
interface ApiDescription {
  readonly paths: Readonly<Record<string, object>>
}

const methods = new Set(['get', 'post', 'delete', 'put', 'patch'])

/** Operations of a description, `POST /services/hr/hire`; of services those of the application `hr`. */
export function operationsOf({ paths }: ApiDescription): string[] {
  return Object.entries(paths)
    .filter(([path]) => !path.startsWith('/services/') || path.startsWith('/services/hr/'))
    .flatMap(([path, item]) =>
      Object.keys(item)
        .filter((method) => methods.has(method))
        .map((method) => `${method.toUpperCase()} ${path}`),
    )
}

/** The operation of a request, as a description of the API has it. */
export function operationOf({ method, path }: { readonly method: string; readonly path: string }): string {
  return `${method} ${path.replace(/\?.*$/, '').replace(/^\/queue-items\/[^/]+/, '/queue-items/{id}')}`
}
