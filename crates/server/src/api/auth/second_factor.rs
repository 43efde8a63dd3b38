//! Time-based codes (RFC 6238) and recovery codes.

use everthread_core::ids::UserId;
use everthread_core::time::Timestamp;
use everthread_store::units::{SecondFactorOf, SecondFactorRow, Shown, UseCode};
use qrcode::{Color, EcLevel, QrCode};
use totp_rs::{Builder, Secret, Totp};

use super::token;
use crate::api::error::ApiError;
use crate::api::state::ApiState;

/// Bytes of a secret: what HMAC-SHA-1 takes without hashing it first (RFC 4226, section 4, R6).
const SECRET_BYTES: usize = 20;

/// Recovery codes of one person.
const RECOVERY_CODES: usize = 10;

/// Letters of recovery codes: 32 of them, none that looks like another.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Light modules around a QR code (ISO/IEC 18004, 6.3.8).
const QUIET_ZONE: usize = 4;

/// A new secret.
pub fn draw(state: &ApiState) -> Vec<u8> {
    (state.random)()[..SECRET_BYTES].to_vec()
}

/// The generator of `secret`: SHA-1, six digits, 30 s, which is all that authenticator apps agree on.
pub fn generator(secret: &[u8], email: &str) -> Result<Totp, ApiError> {
    Builder::new()
        .with_secret(Secret::from(secret))
        .with_account_name(email.replace(':', " "))
        .with_issuer(Some("Everthread"))
        .build()
        .map_err(|error| ApiError::internal(error.to_string()))
}

/// The 30 s step for which `code` is right, at most one away from now.
pub fn step(totp: &Totp, code: &str, now: Timestamp) -> Option<i64> {
    let seconds = u64::try_from(now.micros() / 1_000_000).ok()?;
    totp.check(code, seconds).and_then(|step| i64::try_from(step).ok())
}

/// True when `code` is a code of the person's app or a recovery code, and was not used before; it is used up by this.
/// Fails after too many tries.
pub async fn verify(state: &ApiState, user: UserId, code: &str) -> Result<bool, ApiError> {
    state.limits.code(user)?;
    let code = plain(code);
    let Some(row) = state.store.read(SecondFactorOf { user }).await? else { return Ok(false) };
    let shown = if code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()) {
        match step(&open(state, &row)?, &code, state.now()) {
            Some(step) => Shown::Step(step),
            None => return Ok(false),
        }
    } else {
        Shown::Recovery(token::hash(&code))
    };
    Ok(state.store.write(UseCode { user, shown }).await?)
}

/// The generator behind a stored row.
pub fn open(state: &ApiState, row: &SecondFactorRow) -> Result<Totp, ApiError> {
    let secret = state
        .hub
        .unseal(&row.secret)
        .ok_or_else(|| ApiError::internal("a second factor does not open under this key file"))?;
    generator(&secret, "user")
}

/// New recovery codes, as people read them, with what is stored of each.
pub fn recovery_codes(state: &ApiState) -> (Vec<String>, Vec<Vec<u8>>) {
    let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| recovery_code((state.random)())).collect();
    let hashes = codes.iter().map(|code| token::hash(&plain(code))).collect();
    (codes, hashes)
}

/// 16 letters of 5 random bits each, in groups of four. 80 bits need no slow hash.
fn recovery_code(random: [u8; 32]) -> String {
    let letters: Vec<char> =
        random[..16].iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// A code as it is compared: letters and digits alone, in lower case.
fn plain(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).take(64).collect::<String>().to_lowercase()
}

/// `text` as a QR code: an SVG of black squares on white.
pub fn qr_svg(text: &str) -> Result<String, ApiError> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(ApiError::internal)?;
    let width = code.width();
    let side = width + 2 * QUIET_ZONE;
    let mut path = String::new();
    for (at, _) in code.to_colors().iter().enumerate().filter(|(_, color)| **color == Color::Dark) {
        path.push_str(&format!("M{} {}h1v1h-1z", at % width + QUIET_ZONE, at / width + QUIET_ZONE));
    }
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path d=\"{path}\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, SHA-1; our codes are the last six of its eight digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        let totp = generator(b"12345678901234567890", "ann@example.org").unwrap();
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let at = |seconds| Timestamp::from_secs(seconds);
            assert_eq!(step(&totp, code, at(seconds)), Some(seconds / 30), "{seconds}");
            assert_eq!(step(&totp, code, at(seconds + 30)), Some(seconds / 30), "one late");
            assert_eq!(step(&totp, code, at(seconds + 61)), None, "two late");
        }
    }

    #[test]
    fn recovery_codes_read_back_however_they_are_typed() {
        let code = recovery_code([9; 32]);
        assert_eq!(code.len(), 19);
        assert_eq!(plain(&code.to_uppercase().replace('-', " ")), plain(&code));
    }

    #[test]
    fn the_address_of_a_generator_fits_a_qr_code() {
        let totp = generator(&[7; 20], &format!("{}@example.org", "x".repeat(200))).unwrap();
        let svg = qr_svg(&totp.to_url().unwrap()).unwrap();
        assert!(svg.starts_with("<svg") && svg.len() < 200_000);
    }
}
