import { expect, test } from 'vitest'
import { archiveFault, hashingFault, maxArchiveBytes, sha256Hex } from './hash'
import { settableHeaders, storageFault } from './upload'

// The examples of FIPS 180-2, and nothing at all.
test.each([
  ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  ['abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq', '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1'],
  ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
])('SHA-256 of %j', async (text, want) => expect(await sha256Hex(new Blob([text]))).toBe(want))

test('says where hashing is not to be had, and why', () => {
  expect(hashingFault(true, {})).toBe('')
  expect(hashingFault(false, null)).toContain('https://')
  expect(hashingFault(true, null)).toContain('Web Crypto')
})

test.each([
  ['PK\x03\x04rest', true], ['PK\x05\x06', true], ['PK\x07\x08', false], ['\x1f\x8b', false], ['', false], ['PK', false],
])('%j is a ZIP: %s', async (text, zip) => expect((await archiveFault(new Blob([text]))) === '').toBe(zip))

test('an archive too large to hash here is refused unread', async () => {
  const huge = { size: maxArchiveBytes + 1 } as Blob // reading it would fail the test
  expect(await archiveFault(huge)).toContain('1 GiB')
})

test('the signed headers are set as given, but for those that only the browser sets', () => {
  expect(settableHeaders({ Host: 'h', 'content-length': '3', 'x-amz-checksum-sha256': 'abc=' })).toEqual([['x-amz-checksum-sha256', 'abc=']])
  expect(settableHeaders()).toEqual([])
})

test('what the storage says is passed on', () => {
  expect(storageFault(400, '<?xml version="1.0"?><Error><Code>BadDigest</Code><Message>it differs</Message></Error>')).toContain('400, BadDigest: it differs')
  expect(storageFault(503, 'gone')).toContain('(503)')
})
