import t from 'tap';
import { findProblems } from '#halflight/commands/doctor-checks.js';
import {
  device,
  findings,
  GPU,
  LAVAPIPE,
  LOADER,
  NVIDIA,
  type Parts,
  RADEON,
  SOFTWARE,
} from '../support/findings.js';

const RENDER = '/dev/dri/renderD128';
const NVIDIA_GPU = [device('/dev/nvidia0'), device('/dev/nvidiactl')];
const SOFTWARE_ONLY = { loaders: [LOADER], drivers: [LAVAPIPE] };

interface Failure {
  readonly failure: string;
  readonly found: Parts;
  /** The problems that are told, in their order, each with the first of what mends it. */
  readonly told: readonly (readonly [problem: RegExp, mend: RegExp])[];
}

const FAILURES: readonly Failure[] = [
  {
    failure: 'no Vulkan loader',
    found: {},
    told: [[/loader \(libvulkan\.so\.1\) is missing/, /^apt-get install mesa$/]],
  },
  {
    failure: 'no ICD file',
    found: { machine: { loaders: [LOADER] } },
    told: [[/no driver \(no icd\.d/, /^apt-get install mesa$/]],
  },
  {
    failure: 'an ICD file whose library is missing',
    found: { machine: { loaders: [LOADER], drivers: [{ ...LAVAPIPE, libraryFile: null }] } },
    told: [[/lvp_icd\.json is missing, or its library is/, /mend VK_DRIVER_FILES/]],
  },
  {
    failure: 'no ICD file for an AMD or Intel GPU',
    found: { adapter: SOFTWARE, machine: { ...SOFTWARE_ONLY, devices: [device(RENDER)] } },
    told: [
      [/There is a GPU \(\/dev\/dri\/renderD128\), but only a software adapter/, /^apt-get install mesa$/],
    ],
  },
  {
    failure: 'no ICD file for an NVIDIA GPU',
    found: { adapter: SOFTWARE, machine: { ...SOFTWARE_ONLY, devices: NVIDIA_GPU } },
    told: [[/no Vulkan driver for it \(nvidia_icd\.json\)/, /install NVIDIA’s own driver/]],
  },
  ...['libEGL.so.1', 'libGLX.so.0', 'libGLdispatch.so.0', 'libXext.so.6', 'libX11.so.6'].map((library) => ({
    failure: `${library} is missing, which NVIDIA’s ICD links to`,
    found: {
      machine: { loaders: [LOADER], drivers: [NVIDIA], devices: NVIDIA_GPU, missingLibraries: [library] },
    },
    told: [
      [new RegExp(`NVIDIA’s Vulkan driver lacks ${library}`), /^apt-get .* libegl1 .* libxext6 libx11-6$/],
    ] as const,
  })),
  {
    failure: 'NVIDIA’s device nodes in a container without the capability graphics',
    found: { machine: { isContainer: true, devices: NVIDIA_GPU, nvidiaCapabilities: 'compute,utility' } },
    told: [
      [/loader .* is missing/, /./],
      [
        /NVIDIA_DRIVER_CAPABILITIES is compute,utility: without graphics/,
        /-e NVIDIA_DRIVER_CAPABILITIES=compute,utility,graphics/,
      ],
      [/no Vulkan driver for it/, /./],
    ],
  },
  {
    failure: '/dev/dri in a container, but not readable',
    found: {
      adapter: SOFTWARE,
      machine: { ...SOFTWARE_ONLY, isContainer: true, devices: [device(RENDER, 'EACCES', 993)] },
    },
    told: [
      [
        /may not open \/dev\/dri\/renderD128; group 993 may/,
        /^docker run --device \/dev\/dri --group-add 993 …$/,
      ],
    ],
  },
  {
    failure: '/dev/dri in a container without a number for its group',
    found: {
      adapter: SOFTWARE,
      machine: { ...SOFTWARE_ONLY, isContainer: true, devices: [device(RENDER, 'EACCES', 65534)] },
    },
    told: [[/group 65534 may/, /--group-add keep-groups/]],
  },
  {
    failure: '/dev/dri on a host, but not readable',
    found: { adapter: SOFTWARE, machine: { ...SOFTWARE_ONLY, devices: [device(RENDER, 'EACCES', 993)] } },
    told: [[/group 993 may/, /^usermod -aG 993 "\$USER"/]],
  },
  {
    failure: '/dev/dri as a volume, not as a device',
    found: {
      adapter: SOFTWARE,
      machine: { ...SOFTWARE_ONLY, isContainer: true, devices: [device(RENDER, 'EPERM')] },
    },
    told: [[/not given to this container as a device/, /^docker run --device \/dev\/dri …/]],
  },
  {
    failure: 'a device whose kernel driver is gone',
    found: { adapter: SOFTWARE, machine: { ...SOFTWARE_ONLY, devices: [device(RENDER, 'ENXIO')] } },
    told: [[/renderD128 does not open \(ENXIO\)/, /restart the host/]],
  },
  {
    failure: 'a glibc that is older than the driver’s build',
    found: {
      adapter: SOFTWARE,
      machine: {
        loaders: [LOADER],
        drivers: [LAVAPIPE, NVIDIA],
        devices: NVIDIA_GPU,
        glibc: 36,
        tooNew: [{ file: NVIDIA.file, glibc: 38 }],
      },
    },
    told: [[/nvidia_icd\.json needs glibc 2\.38; here is 2\.36/, /Debian 13, Ubuntu 24\.04 or newer/]],
  },
  {
    failure: 'NVIDIA’s driver with all it needs does not start',
    found: { adapter: SOFTWARE, machine: { loaders: [LOADER], drivers: [NVIDIA], devices: NVIDIA_GPU } },
    told: [[/with its libraries, but does not start/, /glibc may be older/]],
  },
  {
    failure: 'Mesa older than 25',
    found: { machine: { loaders: [LOADER], drivers: [{ ...LAVAPIPE, apiVersion: '1.3.230' }] } },
    told: [[/is of Vulkan 1\.3\.230: Mesa older than 25, which Dawn refuses/, /^apt-get install mesa$/]],
  },
  {
    failure: 'drivers that Dawn refuses for another reason',
    found: {
      machine: {
        loaders: [LOADER],
        // Mesa's driver for Intel's old GPUs is of Vulkan 1.3 in Mesa 25 too.
        drivers: [
          { ...LAVAPIPE, file: '/usr/share/vulkan/icd.d/intel_hasvk_icd.json', apiVersion: '1.3.305' },
          LAVAPIPE,
        ],
      },
    },
    told: [[/Dawn accepts none of the drivers; Mesa must be 25/, /^apt-get install mesa$/]],
  },
  {
    failure: 'a software adapter alone, in a container that was given no GPU',
    found: { adapter: SOFTWARE, machine: { ...SOFTWARE_ONLY, isContainer: true } },
    told: [[/This container sees no GPU/, /^docker run --gpus all/]],
  },
  {
    failure: 'no XDG_RUNTIME_DIR',
    found: { machine: { loaders: [LOADER], hasRuntimeFolder: false } },
    told: [
      [/no driver/, /./],
      [/XDG_RUNTIME_DIR is not set/, /^export XDG_RUNTIME_DIR=\/tmp$/],
    ],
  },
  {
    failure: 'Dawn itself does not load',
    found: {
      dawnError: "version `GLIBC_2.34' not found",
      machine: { ...SOFTWARE_ONLY, drivers: [LAVAPIPE, NVIDIA] },
    },
    told: [[/does not run: version `GLIBC_2\.34' not found/, /glibc 2\.34 or newer/]],
  },
];

for (const { failure, found, told } of FAILURES) {
  t.test(`${failure}: it is told, and what mends it`, async (t) => {
    const problems = findProblems(findings(found));
    t.equal(problems.length, told.length, problems.map(({ problem }) => problem).join('\n'));
    for (const [i, [problem, mend]] of told.entries()) {
      t.match(problems[i]?.problem, problem);
      t.match(problems[i]?.mend[0], mend);
    }
  });
}

const HARMLESS: readonly (readonly [machine: string, found: Parts])[] = [
  [
    'a GPU that serves',
    { adapter: GPU, machine: { loaders: [LOADER], drivers: [NVIDIA], devices: NVIDIA_GPU } },
  ],
  [
    'a GPU that serves, in a container without some of the libraries',
    {
      adapter: GPU,
      machine: {
        isContainer: true,
        drivers: [NVIDIA],
        missingLibraries: ['libXext.so.6'],
        tooNew: [{ file: RADEON.file, glibc: 99 }],
        hasRuntimeFolder: false,
      },
    },
  ],
  ['a software adapter where there is no GPU', { adapter: SOFTWARE, machine: SOFTWARE_ONLY }],
  [
    'a driver for another architecture beside one that serves',
    {
      adapter: SOFTWARE,
      machine: { ...SOFTWARE_ONLY, drivers: [LAVAPIPE, { ...RADEON, libraryFile: null }] },
    },
  ],
  ...['all', 'compute, graphics'].map(
    (nvidiaCapabilities) =>
      [
        `the capabilities ${nvidiaCapabilities}`,
        { adapter: GPU, machine: { drivers: [NVIDIA], devices: NVIDIA_GPU, nvidiaCapabilities } },
      ] as const,
  ),
];

for (const [machine, found] of HARMLESS) {
  t.test(`${machine} is no problem`, async (t) => {
    t.strictSame(findProblems(findings(found)), []);
  });
}

t.test('a library of NVIDIA’s ICD that is missing leads to the packages too', async (t) => {
  const drivers = [{ ...NVIDIA, libraryFile: null }];
  const [problem] = findProblems(findings({ machine: { loaders: [LOADER], drivers } }));
  t.match(problem?.mend, [/VK_DRIVER_FILES/, /libegl1/]);
});

t.test('a container’s group is given to docker, compose and Kubernetes by its number', async (t) => {
  const machine = {
    isContainer: true,
    devices: [device(RENDER, 'EACCES', 993), device('/dev/dri/renderD129', 'EACCES', 44)],
  };
  const [problem] = findProblems(findings({ adapter: SOFTWARE, machine }));
  t.strictSame(problem?.mend, [
    'docker run --device /dev/dri --group-add 993 --group-add 44 …',
    'RENDER_GID=993 docker compose -f docker/compose.dri.yaml up',
    'securityContext: { supplementalGroups: [993, 44] }   # Kubernetes',
  ]);
});

t.test('nobody is told to join the group of root', async (t) => {
  const machine = { devices: [device(RENDER, 'EACCES', 0)] };
  const [problem] = findProblems(findings({ adapter: SOFTWARE, machine }));
  t.match(problem?.mend, [/^usermod -aG render,video/]);
});
