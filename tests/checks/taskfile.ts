import { record, word } from './plain-json.ts'
import type { SourceFile } from './source-files.ts'
import type { Violation } from './violation.ts'
import { checkYaml, type YamlSchema } from './yaml-schema.ts'

/** The tasks that the contract names. */
const namedTasks = [
  'up',
  'down',
  'run',
  'db-shell',
  'logs',
  'build',
  'test',
  'migrate',
  'demo',
  'bench',
  'check',
]

/** A task runs one command: an npm script or docker compose, so that nothing lives here alone. */
const command = '^(npm (install|test|start|run [a-z:-]+)( -- .*)?|docker compose [a-z].*)$'

/** The part of go-task's format (version 3) that Taskfile.yml uses. */
const schema: YamlSchema = {
  type: 'object',
  required: ['version', 'tasks'],
  additionalProperties: false,
  properties: {
    version: { const: '3' },
    silent: { type: 'boolean' },
    tasks: {
      type: 'object',
      required: namedTasks,
      additionalProperties: {
        type: 'object',
        required: ['desc', 'cmd'],
        additionalProperties: false,
        properties: {
          desc: { type: 'string', minLength: 1 },
          cmd: { type: 'string', pattern: command },
          aliases: { type: 'array', items: { type: 'string' } },
          interactive: { type: 'boolean' },
          silent: { type: 'boolean' },
        },
      },
    },
  },
}

/** Is Taskfile.yml one that go-task reads, and does every npm script it calls exist? */
export function checkTaskfile(file: SourceFile, packageJson: SourceFile): Violation[] {
  const { value, violations } = checkYaml(file, schema)
  const scripts = record(record(JSON.parse(packageJson.text)).scripts)
  const tasks = Object.values(record(record(value).tasks))
  const missing = tasks.flatMap(task => {
    const script = npmScript(word(record(task).cmd))
    return script === undefined || word(scripts[script]) !== '' ? [] : [script]
  })
  return [
    ...violations,
    ...missing.map(script => ({
      path: file.path,
      line: file.text.split('\n').findIndex(line => line.includes(`npm run ${script}`)) + 1,
      rule: 'taskfile-script',
      message: `package.json has no script "${script}"`,
    })),
  ]
}

function npmScript(cmd: string): string | undefined {
  const [, run, short] = /^npm (?:run ([a-z:-]+)|(test|start))/.exec(cmd) ?? []
  return run ?? short
}
