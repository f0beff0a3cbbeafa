//! Products of vectors: the loop that a search spends its time in.
//!
//! The loops are plain Rust. On x86-64 there is a second one for AVX2, several times as fast, which is chosen when
//! the processor has it.

#![allow(
    unsafe_code,
    reason = "calling a function that was compiled for AVX2, after asking the processor for it, and loading its \
              registers"
)]

/// The sum of the products of two rows of bytes, as far as both go.
#[must_use]
pub(super) fn dot_bytes(a: &[i8], b: &[i8]) -> i32 {
    #[cfg(target_arch = "x86_64")]
    if has_avx2() {
        // SAFETY: the processor has what the function was compiled for; it takes ordinary slices.
        return unsafe { dot_bytes_avx2(a, b) };
    }
    dot_bytes_plain(a, b)
}

/// The sum of the products of two rows of numbers, as far as both go.
#[must_use]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    #[cfg(target_arch = "x86_64")]
    if has_avx2() {
        // SAFETY: as above.
        return unsafe { dot_avx2(a, b) };
    }
    dot_plain(a, b)
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    std::arch::is_x86_feature_detected!("avx2")
}

/// So many bytes are in a wide register.
#[cfg(target_arch = "x86_64")]
const WIDE: usize = 32;

/// The instruction multiplies bytes without a sign by such with one: the sign of one is given to the other. No
/// byte is -128, so that no sum of two products is too large for its 16 bits.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn dot_bytes_avx2(a: &[i8], b: &[i8]) -> i32 {
    use std::arch::x86_64::{
        _mm256_abs_epi8, _mm256_add_epi32, _mm256_loadu_si256, _mm256_madd_epi16,
        _mm256_maddubs_epi16, _mm256_set1_epi16, _mm256_setzero_si256, _mm256_sign_epi8,
        _mm256_storeu_si256,
    };
    let (a_chunks, a_rest) = a.as_chunks::<WIDE>();
    let (b_chunks, b_rest) = b.as_chunks::<WIDE>();
    let mut sums = _mm256_setzero_si256();
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        // SAFETY: each is as long as the register, and need not be aligned.
        let (a, b) = unsafe {
            (_mm256_loadu_si256(a.as_ptr().cast()), _mm256_loadu_si256(b.as_ptr().cast()))
        };
        let pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(a), _mm256_sign_epi8(b, a));
        sums = _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
    }
    let mut lanes = [0_i32; WIDE / 4];
    // SAFETY: it is as long as the register, and need not be aligned.
    unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), sums) };
    lanes.iter().sum::<i32>() + dot_bytes_plain(a_rest, b_rest)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn dot_avx2(a: &[f32], b: &[f32]) -> f32 {
    dot_plain(a, b)
}

#[inline(always)]
fn dot_bytes_plain(a: &[i8], b: &[i8]) -> i32 {
    // A product of two bytes fits into 16 bits: pairs of them are what the processor multiplies and adds.
    a.iter().zip(b).map(|(a, b)| i32::from(i16::from(*a)) * i32::from(i16::from(*b))).sum()
}

/// So many sums are kept apart, because floats are not added in another order by the compiler.
const LANES: usize = 16;

#[inline(always)]
fn dot_plain(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_fast_loops_agree_with_the_plain_ones(
            pairs in proptest::collection::vec((-127_i8..=127, -127_i8..=127), 0..600),
        ) {
            let (a, b): (Vec<i8>, Vec<i8>) = pairs.into_iter().unzip();
            prop_assert_eq!(dot_bytes(&a, &b), dot_bytes_plain(&a, &b));
            let slow: i64 = a.iter().zip(&b).map(|(a, b)| i64::from(*a) * i64::from(*b)).sum();
            prop_assert_eq!(i64::from(dot_bytes(&a, &b)), slow);
            let float = |row: &[i8]| row.iter().map(|it| f32::from(*it) / 16.0).collect::<Vec<_>>();
            let (a, b) = (float(&a), float(&b));
            let slow: f64 = a.iter().zip(&b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            prop_assert!((f64::from(dot(&a, &b)) - slow).abs() < 0.05);
        }
    }
}
