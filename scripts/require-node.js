// Plain JavaScript that runs on any Node: says in one sentence why a TypeScript file would not start.
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `Coatcheck needs Node 22.18 or newer and this is Node ${process.versions.node}; ` +
      'run `npm ci` without --omit=optional, which brings Node 24 along on Linux and Windows, or install a newer Node.',
  )
  process.exit(1)
}
