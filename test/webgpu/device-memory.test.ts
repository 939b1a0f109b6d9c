import t from 'tap';
import {
  type ListedMemory,
  type MemorySources,
  parseAmdCard,
  parseNvidiaSmi,
  readAmdCards,
  readDeviceMemory,
} from '#halflight/webgpu/device-memory.js';

const GIB = 2 ** 30;
const SMI = `NVIDIA H200, 143771, 143162
NVIDIA GeForce RTX 3060, 12288, 11000
`;

function sources(changes: Partial<Record<'nvidia' | 'amd', readonly ListedMemory[]>>): MemorySources {
  return {
    nvidia: () => Promise.resolve(changes.nvidia ?? []),
    amd: () => Promise.resolve(changes.amd ?? []),
    hostFreeBytes: () => 8 * GIB,
    hostTotalBytes: () => 16 * GIB,
  };
}

const adapter = (vendor: string, name = 'gpu') => ({ name, vendor, software: false });

t.test('nvidia-smi lists each device with its memory in MiB', (t) => {
  t.strictSame(parseNvidiaSmi(SMI), [
    { name: 'NVIDIA H200', totalBytes: 143771 * 2 ** 20, freeBytes: 143162 * 2 ** 20 },
    { name: 'NVIDIA GeForce RTX 3060', totalBytes: 12288 * 2 ** 20, freeBytes: 11000 * 2 ** 20 },
  ]);
  t.strictSame(parseNvidiaSmi('NVIDIA H200, 10, 9\r\n').length, 1);
  t.end();
});

t.test('a device that does not tell, and a driver that does not answer, list nothing', (t) => {
  t.strictSame(parseNvidiaSmi('NVIDIA GB10, [N/A], [N/A]\n'), []);
  t.strictSame(
    parseNvidiaSmi('NVIDIA-SMI has failed because it couldn’t communicate with the driver.\n'),
    [],
  );
  t.strictSame(parseAmdCard('', ''), []);
  t.strictSame(parseAmdCard('17163091968\n', '?'), []);
  t.end();
});

t.test('of several devices the one of the adapter’s name counts, however it is written', async (t) => {
  const nvidia = parseNvidiaSmi(SMI);
  const memory = await readDeviceMemory(adapter('nvidia', 'nvidia-h200'), sources({ nvidia }));
  t.strictSame(memory, { totalBytes: 143771 * 2 ** 20, usedBytes: 609 * 2 ** 20, maxShare: 1 });
});

t.test('where no name fits, or several do, the one with the least free counts', async (t) => {
  const nvidia = parseNvidiaSmi(SMI);
  const other = await readDeviceMemory(adapter('nvidia', 'titan'), sources({ nvidia }));
  t.match(other, { totalBytes: 12288 * 2 ** 20 });
  const twins = parseNvidiaSmi('NVIDIA H200, 1000, 900\nNVIDIA H200, 1000, 300\n');
  const busy = await readDeviceMemory(adapter('nvidia', 'nvidia-h200'), sources({ nvidia: twins }));
  t.match(busy, { usedBytes: 700 * 2 ** 20 });
});

t.test('an AMD card tells through the files of its driver', async (t) => {
  const files = { mem_info_vram_total: '17163091968\n', mem_info_vram_used: '163091968\n' };
  const folder = t.testdir({
    card0: { device: {} },
    card1: { device: files },
    'card1-DP-1': {},
    renderD128: {},
  });
  const amd = await readAmdCards(folder);
  t.strictSame(amd, [{ name: '', totalBytes: 17163091968, freeBytes: 17e9 }]);
  const memory = await readDeviceMemory(adapter('amd'), sources({ amd }));
  t.strictSame(memory, { totalBytes: 17163091968, usedBytes: 163091968, maxShare: 1 });
  t.strictSame(await readAmdCards(`${folder}/absent`), []);
});

t.test('GPUs that share the host’s memory count half of it', async (t) => {
  const half = { totalBytes: 8 * GIB, usedBytes: 0, maxShare: 1 };
  t.strictSame(await readDeviceMemory(adapter('apple'), sources({})), half);
  const amd = [{ name: '', totalBytes: GIB / 2, freeBytes: GIB / 4 }];
  t.strictSame(await readDeviceMemory(adapter('amd'), sources({ amd })), half);
});

t.test('a software adapter counts what the host has free, and takes a quarter at most', async (t) => {
  const memory = await readDeviceMemory({ ...adapter('mesa'), software: true }, sources({}));
  t.strictSame(memory, { totalBytes: 8 * GIB, usedBytes: 0, maxShare: 0.25 });
});

t.test('where nothing tells, nothing is known', async (t) => {
  for (const vendor of ['nvidia', 'amd', 'intel', '']) {
    t.equal(await readDeviceMemory(adapter(vendor), sources({})), null, vendor);
  }
});

t.test('here too there is an answer', async (t) => {
  const memory = await readDeviceMemory({ ...adapter('mesa'), software: true });
  t.ok(memory !== null && memory.totalBytes > 2 ** 26, JSON.stringify(memory));
  t.resolves(readDeviceMemory(adapter('nvidia')));
});
