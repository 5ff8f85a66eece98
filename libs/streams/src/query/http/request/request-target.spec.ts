import { describe, expect, it } from 'vitest';
import { isChangesPath, keyInChangesPath, keyInPath } from './request-target.js';

describe('the key in a path', () => {
  const names = ['a', 'entries', 'changes', 'stores', 'a/b', '/entries/', '/changes', '%2F', 'é', ''];

  it.each(['balances', 'entries', 'changes', 'a b', 'stores'])(
    'is told from its changes in the store %j, however it is called',
    (store) => {
      for (const name of names) {
        const entry = `/v1/stores/${encodeURIComponent(store)}/entries/${encodeURIComponent(name)}`;
        expect([isChangesPath(`${entry}?x=/changes`, store), keyInPath(entry, store)], entry).toEqual([false, name]);
        const changes = `${entry}/changes`;
        expect([isChangesPath(`${changes}?x`, store), keyInChangesPath(changes, store)], changes).toEqual([true, name]);
      }
    },
  );

  it('is refused where it has a slash that is not encoded, or stands elsewhere', () => {
    for (const path of ['/stores/texts/entries/a/b', '/stores/texts/entries/a/', '/stores/other/entries/a', '/a'])
      expect(() => keyInPath(path, 'texts'), path).toThrow('written as %2F');
    expect(() => keyInChangesPath('/stores/texts/entries/a/b/changes', 'texts')).toThrow('written as %2F');
    expect(() => keyInPath('/stores/texts/entries/%E9', 'texts')).toThrow('percent-encoding');
  });
});
