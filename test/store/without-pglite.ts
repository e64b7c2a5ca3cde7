import { registerHooks } from 'node:module'

/** Preloaded, it makes this process one in which the optional package is not installed. */
registerHooks({
  resolve(specifier, context, nextResolve) {
    if (specifier !== '@electric-sql/pglite') return nextResolve(specifier, context)
    throw Object.assign(new Error(`Cannot find package '${specifier}'`), { code: 'ERR_MODULE_NOT_FOUND' })
  },
})
