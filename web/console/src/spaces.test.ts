import { beforeEach, expect, it, vi } from 'vitest'
import { Client } from './api/client'
import type { Me } from './api/model'
import { session, signOut } from './session'
import { knownSpaces, loadSpaces, spaces } from './spaces'

vi.stubGlobal('sessionStorage', { removeItem: vi.fn() })

let answers: ((names: string[]) => void)[] = []
const names = () => spaces.value?.map(({ name }) => name)

function signIn() {
  const send = () => new Promise<Response>((resolve) => answers.push((all) => resolve(new Response(JSON.stringify(all.map((name) => ({ name })))))))
  session.value = { client: new Client('k', send), me: {} as Me }
}

beforeEach(() => {
  signOut()
  answers = []
  signIn()
})

it('asks once for all who want to know the spaces', async () => {
  const both = [knownSpaces(), knownSpaces()]
  answers[0]?.(['a'])
  await Promise.all(both)
  await knownSpaces()
  expect(answers).toHaveLength(1)
  expect(names()).toEqual(['a'])
})

it('keeps what was asked for last', async () => {
  const both = [loadSpaces(), loadSpaces()]
  answers[1]?.(['a', 'new'])
  answers[0]?.(['a'])
  await Promise.all(both)
  expect(names()).toEqual(['a', 'new'])
})

it('knows nothing of them after signing out, not even by a late answer', async () => {
  const late = loadSpaces()
  signOut()
  answers[0]?.(['a'])
  await late
  expect(spaces.value).toBeNull()
  signIn()
  const own = knownSpaces()
  answers[1]?.(['b'])
  await own
  signOut()
  expect(spaces.value).toBeNull()
})
