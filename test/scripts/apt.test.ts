import t from 'tap';
import { script } from './modules.js';

interface Mirror {
  readonly uri: string;
  readonly signedBy: string | null;
}

interface Source {
  readonly uris: readonly string[];
  readonly suites: readonly string[];
  readonly signedBy: string | null;
}

interface Apt {
  parseDeb822(text: string): readonly Source[];
  parseOneLine(text: string): readonly Source[];
  backportsMirrors(sources: readonly Source[], hasKeyring: boolean): readonly Mirror[];
  backportsLine(mirror: Mirror): string;
}

const apt = await script<Apt>('apt.mjs');
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

t.test('sources in deb822 format are read, with comments, several addresses and continued lines', (t) => {
  const text = `Types: deb deb-src
# a comment inside a stanza
URIs: http://mirror.example/debian
 http://other.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: ${KEYRING}

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Enabled: no

Types: deb-src
URIs: http://mirror.example/sources
Suites: bookworm
`;
  t.strictSame(apt.parseDeb822(text), [
    {
      uris: ['http://mirror.example/debian', 'http://other.example/debian'],
      suites: ['bookworm', 'bookworm-updates'],
      signedBy: KEYRING,
    },
  ]);
  t.end();
});

t.test('a key inside a deb822 stanza is not taken for a path', (t) => {
  const text =
    'Types: deb\nURIs: http://a.example\nSuites: bookworm\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mDME\n';
  t.equal(apt.parseDeb822(text)[0].signedBy, null);
  t.end();
});

t.test('sources in one-line format are read with and without options', (t) => {
  const text = `# deb http://commented.example/debian bookworm main
deb http://a.example/debian bookworm main contrib
deb [arch=amd64 signed-by=${KEYRING}] http://b.example/debian bookworm-updates main
deb-src http://a.example/debian bookworm main
`;
  t.strictSame(apt.parseOneLine(text), [
    { uris: ['http://a.example/debian'], suites: ['bookworm'], signedBy: null },
    { uris: ['http://b.example/debian'], suites: ['bookworm-updates'], signedBy: KEYRING },
  ]);
  t.end();
});

t.test("backports come from the machine's own mirror first, and from Debian's last", (t) => {
  const own = { uris: ['http://mirror.example/debian'], suites: ['bookworm'], signedBy: KEYRING };
  const thirdParty = { uris: ['http://packages.example'], suites: ['stable'], signedBy: null };
  t.strictSame(apt.backportsMirrors([thirdParty, own], true), [
    { uri: 'http://mirror.example/debian', signedBy: KEYRING },
    { uri: 'http://deb.debian.org/debian', signedBy: KEYRING },
  ]);
  t.end();
});

t.test("Debian's own mirror is not tried twice", (t) => {
  const own = { uris: ['http://deb.debian.org/debian/'], suites: ['bookworm'], signedBy: null };
  t.strictSame(apt.backportsMirrors([own], true), [{ uri: 'http://deb.debian.org/debian/', signedBy: null }]);
  t.end();
});

t.test('the line for backports names the keyring where there is one', (t) => {
  const uri = 'http://a.example/debian';
  t.equal(
    apt.backportsLine({ uri, signedBy: KEYRING }),
    `deb [signed-by=${KEYRING}] ${uri} bookworm-backports main\n`,
  );
  t.equal(apt.backportsLine({ uri, signedBy: null }), `deb ${uri} bookworm-backports main\n`);
  t.end();
});
