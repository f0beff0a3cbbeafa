//! A file of vectors: written once, then only read or deleted.
//!
//! `"BWVEC001"`, dimension and count (u32, little-endian), then the numbers (u64), the stamps (u32), and the
//! vectors (f32). Whether it is whole is for the manifest to say, which has its digest.

use std::io::Write;

const MAGIC: &[u8; 8] = b"BWVEC001";

/// One row of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The record.
    pub number: u64,
    /// What its vector was made of.
    pub stamp: u32,
    /// The vector.
    pub vector: Vec<f32>,
}

/// Writes rows of `dimension` numbers each.
///
/// # Errors
/// When the writer fails, or a row has another dimension.
pub fn write(out: &mut impl Write, dimension: usize, rows: &[Row]) -> std::io::Result<()> {
    let narrow = |count: usize| {
        u32::try_from(count).map_err(|_| std::io::Error::other("too many vectors for one file"))
    };
    out.write_all(MAGIC)?;
    out.write_all(&narrow(dimension)?.to_le_bytes())?;
    out.write_all(&narrow(rows.len())?.to_le_bytes())?;
    for row in rows {
        out.write_all(&row.number.to_le_bytes())?;
    }
    for row in rows {
        out.write_all(&row.stamp.to_le_bytes())?;
    }
    for row in rows {
        if row.vector.len() != dimension {
            return Err(std::io::Error::other("a vector of another dimension"));
        }
        let bytes: Vec<u8> = row.vector.iter().flat_map(|it| it.to_le_bytes()).collect();
        out.write_all(&bytes)?;
    }
    Ok(())
}

/// Reads what [`write()`] wrote; nothing when it is anything else.
#[must_use]
pub fn read(bytes: &[u8], dimension: usize) -> Option<Vec<Row>> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (head, rest) = rest.split_at_checked(8)?;
    let (wide, count) = head.split_at_checked(4)?;
    let count = usize::try_from(u32::from_le_bytes(count.try_into().ok()?)).ok()?;
    if usize::try_from(u32::from_le_bytes(wide.try_into().ok()?)).ok()? != dimension {
        return None;
    }
    let (numbers, rest) = rest.split_at_checked(count.checked_mul(8)?)?;
    let (stamps, floats) = rest.split_at_checked(count.checked_mul(4)?)?;
    let row_bytes = dimension.checked_mul(4)?;
    if row_bytes == 0 || floats.len() != count.checked_mul(row_bytes)? {
        return None;
    }
    let (numbers, stamps) = (numbers.as_chunks().0, stamps.as_chunks().0);
    let rows = numbers.iter().zip(stamps).zip(floats.chunks_exact(row_bytes));
    let rows = rows.map(|((number, stamp), vector)| Row {
        number: u64::from_le_bytes(*number),
        stamp: u32::from_le_bytes(*stamp),
        vector: vector.as_chunks().0.iter().map(|it| f32::from_le_bytes(*it)).collect(),
    });
    Some(rows.collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_written_is_read_and_nothing_else(
            rows in proptest::collection::vec(
                (any::<u64>(), any::<u32>(), proptest::collection::vec(-1.0_f32..1.0, 3)), 0..20),
            cut in 1_usize..40,
        ) {
            let rows: Vec<Row> =
                rows.into_iter().map(|(number, stamp, vector)| Row { number, stamp, vector }).collect();
            let mut bytes = Vec::new();
            write(&mut bytes, 3, &rows).unwrap();
            prop_assert_eq!(read(&bytes, 3), Some(rows));
            prop_assert_eq!(read(&bytes, 4), None);
            bytes.truncate(bytes.len().saturating_sub(cut));
            prop_assert_eq!(read(&bytes, 3), None);
        }
    }
}
