import { CallFailed } from '../../api/call-failed.ts'
import { tryService, type Service, type TryAnswer } from '../../api/services.ts'
import { useState } from '../../preact.ts'
import { ReasonField } from '../../ui/ask-dialog.tsx'
import { Choice } from '../../ui/choice.tsx'
import { CodeBlock } from '../../ui/code-block.tsx'
import { Field } from '../../ui/field.tsx'
import { JsonEditor, readJson } from '../../ui/json-editor.tsx'
import { ProblemNote } from '../../ui/problem-note.tsx'
import { Segments } from '../../ui/segments.tsx'
import { serviceCurl } from '../item/item-curl.ts'
import { fieldsOf, inputOf, textsOf, type SchemaField } from './schema-form.ts'
import { TryAnswerView } from './try-answer.tsx'

/** Sends a request to a service: by a form where its schema allows one, else as JSON. */
export function TryForm({ service }: { service: Service }) {
  const fields = fieldsOf(service.inputSchema)
  const [mode, setMode] = useState<'Form' | 'JSON'>(fields === undefined ? 'JSON' : 'Form')
  const [texts, setTexts] = useState(() => textsOf(fields ?? [], service.example))
  const [json, setJson] = useState(() => JSON.stringify(service.example ?? {}, undefined, 2))
  const [idempotencyKey, setIdempotencyKey] = useState('')
  const [reason, setReason] = useState('')
  const [isBusy, setBusy] = useState(false)
  const [answer, setAnswer] = useState<TryAnswer>()
  const [problem, setProblem] = useState<CallFailed>()

  const formInput = mode === 'Form' && fields !== undefined ? inputOf(fields, texts) : undefined
  const reading = formInput === undefined ? readJson(json) : { value: formInput }
  const choose = (next: 'Form' | 'JSON') => {
    if (next === 'JSON' && formInput !== undefined) setJson(JSON.stringify(formInput, undefined, 2))
    if (next === 'Form' && 'value' in reading) setTexts(textsOf(fields ?? [], reading.value))
    setMode(next)
  }
  const submit = async () => {
    if (!('value' in reading)) return
    setBusy(true)
    setProblem(undefined)
    try {
      const order = {
        input: reading.value,
        idempotencyKey: idempotencyKey.trim() || undefined,
        reason: reason.trim() || undefined,
      }
      setAnswer(await tryService(service, order))
    } catch (error) {
      setAnswer(undefined)
      setProblem(error instanceof CallFailed ? error : new CallFailed(0, 'UNEXPECTED', String(error)))
    }
    setBusy(false)
  }
  return (
    <div class="try">
      <form
        class="dialog-form"
        aria-label={`Try ${service.name}`}
        onSubmit={(event) => {
          event.preventDefault()
          void submit()
        }}
      >
        {fields === undefined ? null : (
          <Segments
            label="How to write the input"
            value={mode}
            options={['Form', 'JSON'] as const}
            onValue={choose}
          />
        )}
        {mode === 'JSON' || fields === undefined ? (
          <JsonEditor label="Input" text={json} onText={setJson} rows={8} />
        ) : (
          fields.map((field) => (
            <SchemaInput
              key={field.name}
              field={field}
              text={texts[field.name] ?? ''}
              onText={(text) => setTexts({ ...texts, [field.name]: text })}
            />
          ))
        )}
        <Field
          label="Idempotency-Key"
          value={idempotencyKey}
          onValue={setIdempotencyKey}
          hint="May be empty. The same key and input again has its effects once."
        />
        <ReasonField value={reason} onValue={setReason} />
        <div class="try-acts">
          <button type="submit" class="button primary" disabled={isBusy || 'problem' in reading}>
            {isBusy ? 'Sending…' : 'Send'}
          </button>
        </div>
      </form>
      <div class="try-answer" aria-live="polite">
        {problem === undefined ? null : <ProblemNote problem={problem} />}
        {answer === undefined ? null : <TryAnswerView answer={answer} />}
        {'value' in reading ? (
          <CodeBlock code={serviceCurl(service.path, reading.value)} label="Copy as curl" />
        ) : null}
      </div>
    </div>
  )
}

function SchemaInput({
  field,
  text,
  onText,
}: {
  field: SchemaField
  text: string
  onText: (text: string) => void
}) {
  const { name, kind, isRequired, options, description } = field
  const label = isRequired ? name : `${name} (may be empty)`
  if (kind === 'choice')
    return (
      <Choice label={label} value={text} options={isRequired ? options : ['', ...options]} onValue={onText} />
    )
  if (kind === 'flag')
    return (
      <Choice
        label={label}
        value={text}
        options={isRequired ? ['true', 'false'] : ['', 'true', 'false']}
        onValue={onText}
      />
    )
  return <Field label={label} value={text} onValue={onText} hint={description} />
}
