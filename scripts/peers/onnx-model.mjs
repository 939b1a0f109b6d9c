// An ONNX file with one node: com.microsoft.MatMulNBits, INT4 in groups of 32 along K, y[M][N] = x[M][K] · W[N][K]ᵀ, floats f32.
// Field numbers: github.com/onnx/onnx/blob/main/onnx/onnx.proto

const FLOAT = 1;
const UINT8 = 2;
const INT = 2;

/** @param {{K: number, N: number, accuracyLevel: number, codes: Uint8Array, scales: Float32Array}} weight codes [N][K/32][16], low nibble first; scales [N][K/32]; a code means (code − 8) · scale */
export function matMulNBitsModel({ K, N, accuracyLevel, codes, scales }) {
  const attributes = { K, N, bits: 4, block_size: 32, accuracy_level: accuracyLevel };
  const node = [
    ...['x', 'codes', 'scales'].map((name) => bytes(1, name)),
    bytes(2, 'y'),
    bytes(4, 'MatMulNBits'),
    bytes(7, 'com.microsoft'),
    ...Object.entries(attributes).map(([name, value]) =>
      bytes(5, [bytes(1, name), number(3, value), number(20, INT)]),
    ),
  ];
  const graph = [
    bytes(1, node),
    bytes(2, 'graph'),
    bytes(5, tensor('codes', UINT8, [N, K / 32, 16], codes)),
    bytes(5, tensor('scales', FLOAT, [N * (K / 32)], new Uint8Array(scales.buffer))),
    bytes(11, valueInfo('x', ['M', K])),
    bytes(12, valueInfo('y', ['M', N])),
  ];
  const opset = (domain, version) => bytes(8, [bytes(1, domain), number(2, version)]);
  return Buffer.concat([number(1, 8), bytes(7, graph), opset('', 17), opset('com.microsoft', 1)]);
}

function tensor(name, type, dims, data) {
  return [...dims.map((dim) => number(1, dim)), number(2, type), bytes(8, name), bytes(9, data)];
}

function valueInfo(name, dims) {
  const dim = (size) => bytes(1, [typeof size === 'string' ? bytes(2, size) : number(1, size)]);
  const shape = bytes(2, dims.map(dim));
  return [bytes(1, name), bytes(2, [bytes(1, [number(1, FLOAT), shape])])];
}

function number(field, value) {
  return Buffer.concat([varint(field * 8), varint(value)]);
}

/** A string, bytes, or a message of fields. */
function bytes(field, content) {
  const body = Array.isArray(content) ? Buffer.concat(content) : Buffer.from(content);
  return Buffer.concat([varint(field * 8 + 2), varint(body.length), body]);
}

function varint(value) {
  const out = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...out, rest]);
    out.push((rest % 128) + 128);
  }
}
