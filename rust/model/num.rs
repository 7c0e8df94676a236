// SPDX-License-Identifier: GPL-2.0

//! 64-bit arithmetic that also runs on 32-bit kernels.
//!
//! On ARM the kernel's Rust runtime answers a `u64` division with a panic
//! (`rust/compiler_builtins.rs`), and `core::fmt` divides to print a `u64`. Whatever may exceed 32
//! bits is therefore divided by [`div_rem`] and printed as [`Dec`].

use super::text::Text;
use core::fmt;

/// Divides `n` by `d`: quotient and remainder, or `None` for `d` = 0.
#[inline]
pub fn div_rem(n: u64, d: u64) -> Option<(u64, u64)> {
    if d == 0 {
        return None;
    }
    #[cfg(target_pointer_width = "64")]
    return Some((n / d, n % d));
    #[cfg(not(target_pointer_width = "64"))]
    return Some(long_division(n, d));
}

/// Divides `n` by `d`, rounding down; `None` for `d` = 0.
#[inline]
pub fn div(n: u64, d: u64) -> Option<u64> {
    div_rem(n, d).map(|(quotient, _)| quotient)
}

/// `value * num / den` without an intermediate overflow, saturating; `None` for `den` = 0.
///
/// The result is exact to one unit as long as `num` and `den` fit 32 bits.
pub fn scale(value: u64, num: u32, den: u32) -> Option<u64> {
    let (quotient, remainder) = div_rem(value, u64::from(den))?;
    let whole = quotient.saturating_mul(u64::from(num));
    let part = div(remainder.saturating_mul(u64::from(num)), u64::from(den))?;
    Some(whole.saturating_add(part))
}

/// Shift-and-subtract division, for architectures whose kernel has no 64-bit divide in Rust.
#[cfg(any(test, CONFIG_KUNIT = "y", not(target_pointer_width = "64")))]
fn long_division(n: u64, d: u64) -> (u64, u64) {
    let mut quotient = 0;
    let mut remainder: u64 = 0;
    for bit in (0..u64::BITS).rev() {
        // Nothing is pushed out: what is left after k bits of `n` has at most k bits.
        remainder = (remainder << 1) | ((n >> bit) & 1);
        if remainder >= d {
            remainder -= d;
            quotient |= 1 << bit;
        }
    }
    (quotient, remainder)
}

/// A `u64` that prints itself in decimal, honouring width and alignment, on every architecture.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Dec(pub u64);

impl fmt::Display for Dec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0u8; 20];
        let mut at = digits.len();
        let mut rest = self.0;
        while at > 0 {
            let (quotient, digit) = match u32::try_from(rest) {
                Ok(small) => (u64::from(small / 10), small % 10),
                Err(_) => {
                    let (quotient, digit) = div_rem(rest, 10).unwrap_or((0, 0));
                    (quotient, u32::try_from(digit).unwrap_or(0))
                }
            };
            at -= 1;
            if let Some(slot) = digits.get_mut(at) {
                *slot = b'0' + u8::try_from(digit).unwrap_or(0);
            }
            rest = quotient;
            if rest == 0 {
                break;
            }
        }
        let text = digits.get(at..).unwrap_or(&[]);
        f.pad_integral(true, "", core::str::from_utf8(text).unwrap_or("?"))
    }
}

/// A `u64` that prints itself in hexadecimal, `0x` in front, honouring width and alignment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hex(pub u64);

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Text::<18>::new("0x");
        let digits = (u64::BITS - self.0.leading_zeros()).div_ceil(4).max(1);
        for digit in (0..digits).rev() {
            // CAST: four bits are left.
            let value = (self.0 >> (4 * digit)) as u32 & 0xf;
            fmt::Write::write_char(&mut text, char::from_digit(value, 16).unwrap_or('?'))?;
        }
        f.pad(text.as_str())
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(memlab_num))]
mod tests {
    use super::*;

    /// What a quotient and a remainder must be, checked without dividing.
    fn is_quotient(n: u64, d: u64, (quotient, remainder): (u64, u64)) -> bool {
        let product = quotient.checked_mul(d);
        remainder < d && product.and_then(|p| p.checked_add(remainder)) == Some(n)
    }

    #[test]
    fn division_is_exact() {
        let values = [
            0,
            1,
            2,
            9,
            10,
            31,
            1_000_000_007,
            u64::from(u32::MAX),
            1 << 32,
            u64::MAX / 2,
            u64::MAX / 2 + 1,
            u64::MAX - 1,
            u64::MAX,
        ];
        for n in values {
            for d in values.into_iter().filter(|d| *d != 0) {
                assert!(is_quotient(n, d, long_division(n, d)));
                assert_eq!(div_rem(n, d), Some(long_division(n, d)));
                assert_eq!(div(n, d), Some(long_division(n, d).0));
            }
            assert_eq!(div_rem(n, 0), None);
        }
    }

    #[test]
    fn scale_keeps_to_the_exact_quotient() {
        assert_eq!(scale(1000, 999, 1000), Some(999));
        assert_eq!(scale(1001, 999, 1000), Some(999));
        assert_eq!(scale(u64::MAX, 1, 2), Some(u64::MAX / 2));
        assert_eq!(scale(u64::MAX, 3, 2), Some(u64::MAX));
        assert_eq!(scale(0, 3, 2), Some(0));
        assert_eq!(scale(7, 1, 0), None);
    }

    #[test]
    fn dec_prints_every_width() {
        let text = |n| Text::<24>::format(format_args!("{}", Dec(n)));
        assert_eq!(text(0).as_str(), "0");
        assert_eq!(text(10).as_str(), "10");
        assert_eq!(text(4_294_967_295).as_str(), "4294967295");
        assert_eq!(text(4_294_967_296).as_str(), "4294967296");
        assert_eq!(text(u64::MAX).as_str(), "18446744073709551615");
        let right = Text::<24>::format(format_args!("{:>6}|{:<4}|", Dec(42), Dec(7)));
        assert_eq!(right.as_str(), "    42|7   |");
    }

    #[test]
    fn hex_prints_every_width() {
        let text = |n| Text::<24>::format(format_args!("{}", Hex(n)));
        assert_eq!(text(0).as_str(), "0x0");
        assert_eq!(text(0x1234_abcd).as_str(), "0x1234abcd");
        assert_eq!(text(1 << 32).as_str(), "0x100000000");
        assert_eq!(text(u64::MAX).as_str(), "0xffffffffffffffff");
        let right = Text::<24>::format(format_args!("{:>6}|", Hex(0xf)));
        assert_eq!(right.as_str(), "   0xf|");
    }
}
