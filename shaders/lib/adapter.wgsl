// The adapter of a row's token, counted from 1; 0 is none. Read from the words of the batch; the same for all lanes of a workgroup.
fn adapter_of(row: u32) -> u32 {
  var token = row;
  if (OF_LOGITS) {
    token = batch[params.logits_rows + row];
  }
  return batch[params.adapters + batch[params.sequence_ids + token]];
}
