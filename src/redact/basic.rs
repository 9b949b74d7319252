//! Finds user names and passwords in the base64 of HTTP Basic authentication.

use std::ops::Range;

use base64::{Engine, alphabet, engine};

/// Takes base64 with and without padding.
const BASE64: engine::GeneralPurpose = engine::GeneralPurpose::new(
    &alphabet::STANDARD,
    engine::GeneralPurposeConfig::new().with_decode_padding_mode(engine::DecodePaddingMode::Indifferent),
);

/// Finds the credentials right behind the keyword that ends at `start`.
pub(super) fn find(text: &str, start: usize, reach: usize) -> Option<Range<usize>> {
    let rest = &text.as_bytes()[start..text.len().min(start + reach)];
    let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte)).count();
    let decoded = (length >= 8).then(|| BASE64.decode(&rest[..length]).ok()).flatten()?;
    let printable = decoded.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    (printable && decoded.contains(&b':')).then_some(start..start + length)
}
