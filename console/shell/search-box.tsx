import { useId, useRef, useState } from '../preact.ts'
import { goTo } from '../state/router.ts'
import { guessSearch, type SearchGuess } from './search-guess.ts'

/** One box for all: it says what it takes the text for, and Enter follows the first guess. */
export function SearchBox() {
  const [text, setText] = useState('')
  const [isOpen, setOpen] = useState(false)
  const [chosen, setChosen] = useState(0)
  const box = useRef<HTMLDivElement>(null)
  const input = useRef<HTMLInputElement>(null)
  const listId = useId()
  const guesses = guessSearch(text)
  const isShown = isOpen && guesses.length > 0

  const follow = (guess: SearchGuess | undefined) => {
    if (!guess) return
    setOpen(false)
    setText('')
    input.current?.blur()
    goTo(guess.href)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault()
      const step = event.key === 'ArrowDown' ? 1 : guesses.length - 1
      setChosen((chosen + step) % Math.max(1, guesses.length))
    } else if (event.key === 'Enter') follow(guesses[chosen] ?? guesses[0])
    else if (event.key === 'Escape') {
      event.stopPropagation()
      if (text === '') input.current?.blur()
      setText('')
      setOpen(false)
    }
  }
  const onFocusOut = (event: FocusEvent) => {
    if (!box.current?.contains(event.relatedTarget as Node | null)) setOpen(false)
  }
  return (
    <div class="search" role="search" ref={box} onFocusOut={onFocusOut}>
      <input
        ref={input}
        id="search"
        class="input"
        type="search"
        role="combobox"
        // its list is ours, not a datalist of the browser
        list={undefined}
        aria-label="Search items by id, key or text"
        aria-expanded={isShown}
        aria-controls={listId}
        aria-autocomplete="list"
        aria-activedescendant={isShown ? `${listId}-${chosen}` : undefined}
        placeholder="Id, key or text"
        autoComplete="off"
        spellcheck={false}
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value)
          setChosen(0)
          setOpen(true)
        }}
        onFocus={() => setOpen(true)}
        onKeyDown={onKeyDown}
      />
      <kbd aria-hidden="true">/</kbd>
      <ul id={listId} class="guesses" role="listbox" aria-label="What to search" hidden={!isShown}>
        {guesses.map((guess, index) => (
          <li
            key={guess.what}
            id={`${listId}-${index}`}
            role="option"
            aria-selected={index === chosen}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => follow(guess)}
          >
            <span>{guess.what}</span>
            <b class="mono">{text.trim()}</b>
          </li>
        ))}
      </ul>
    </div>
  )
}
