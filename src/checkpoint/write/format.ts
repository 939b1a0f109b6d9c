import type { ActivationType, FloatType } from '../../quant/formats.js';
import type { PackedWeight, WeightFormat } from '../../quant/weight.js';
import type { TensorSpec } from '../safetensors-layout.js';
import type { TensorData } from '../safetensors-write.js';

/** As products take them; INT8 with a scale for each token, `static` with one for all, and `integer` so for outputs too. */
export type FileActivations = ActivationType | 'static' | 'integer';

/** Static scales of a matrix's inputs, and of its outputs; absent where these stay floats. */
export interface ActivationSteps {
  readonly input: number;
  readonly output?: number;
}

/** A matrix that is written in codes. */
export interface MatrixSpec {
  /** Path of the module, without a final dot: its weight is what is quantized. */
  readonly module: string;
  /** Outputs and inputs. */
  readonly rows: number;
  readonly cols: number;
  readonly format: WeightFormat;
  readonly activations: FileActivations;
  /** Whether columns have groups in an order of their own, which the file must tell. */
  readonly actOrder: boolean;
  /** Type of the floats that the matrix was. */
  readonly floatType: FloatType;
  /** Whether rows are looked up in it: an embedding, which is no linear module. */
  readonly isTable?: true;
  /** Whether its scales become codes too. */
  readonly doubleQuant?: true;
  /** Whether all rows have the same scale, of which the file holds one. */
  readonly tensorScale?: true;
}

/** How the files of one quantization method hold matrices in codes. */
export interface FileFormat {
  readonly name: string;
  /** Type that its readers take scales in; null where it is the format's own. */
  readonly scaleType: 'f16' | null;
  /** Whether a matrix lies by outputs in it, also where the family has it by inputs (GPT-2). */
  readonly byOutputs: boolean;
  /** Whether matrices may have groups of other sizes than most. */
  readonly mixesGroups: boolean;
  /** Whether it has a place for embeddings and output matrices. */
  readonly holdsTables?: true;
  /** Whether one scale may be all that it holds of a matrix. */
  readonly holdsTensorScales?: true;
  /** Why it cannot hold such a matrix; null where it can. */
  problem(spec: MatrixSpec): string | null;
  /** The weight as it is read back, where that is not to the bit what was written; absent where it always is. */
  stored?(spec: MatrixSpec, weight: PackedWeight): PackedWeight;
  /** The tensors that a matrix becomes, known before its codes are. */
  tensors(spec: MatrixSpec): TensorSpec[];
  /** The same with their elements. @param groupIndex the group of each column, where they do not follow one another @param steps of static activations */
  pack(
    spec: MatrixSpec,
    weight: PackedWeight,
    groupIndex: Uint32Array | null,
    steps?: ActivationSteps | null,
  ): TensorData[];
  /** `quantization_config` of config.json. @param kept linear modules that stay floats */
  config(matrices: readonly MatrixSpec[], kept: readonly string[]): object;
}

/** The tensors of a matrix with their elements, in the same order. */
export function withData(specs: readonly TensorSpec[], elements: readonly ArrayBufferView[]): TensorData[] {
  return specs.map((spec, i) => ({ ...spec, data: elements[i] }));
}
