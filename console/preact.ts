/** The library that draws the pages, by its one door. */
export { render } from 'preact'
export type { ComponentChildren, VNode } from 'preact'
export { useCallback, useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks'
