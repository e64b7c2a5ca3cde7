import { join } from 'node:path'

// Tests and chaos cases start hundreds of processes that load the same sources: each would read their types away and compile them
// anew, which is half of what such a process costs. Node keeps them by their content here, so a change is never missed.
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, '..', 'node_modules', '.cache', 'compiled')
