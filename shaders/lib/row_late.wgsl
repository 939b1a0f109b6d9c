// Codes that are loaded only when they are multiplied: two blocks of four rows would not fit the registers.
struct RowCodes { row: u32, block: u32 }

fn row_codes(row: u32, block: u32) -> RowCodes {
  return RowCodes(row, block);
}
