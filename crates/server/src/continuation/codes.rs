//! One-time codes: their digits are made from the key file and the code's id, wherever they are needed, and kept nowhere.

use everthread_core::content::Content;
use everthread_core::continuation::{CODE_MARK, digits};
use everthread_core::ids::{CodeId, Uid};
use subtle::ConstantTimeEq;

use crate::seal::Seal;

/// Separates these digests from any other use of the key.
const PURPOSE: &str = "one-time code 1";

fn made(seal: &Seal, code: Uid) -> String {
    let mac = seal.mac(PURPOSE, code.0.as_bytes());
    let mut first = [0_u8; 8];
    first.copy_from_slice(&mac[..8]);
    digits(u64::from_be_bytes(first))
}

/// Whether what was typed is the code; takes the same time whatever was typed. Blanks do not count.
pub fn is(seal: &Seal, code: Uid, typed: &str) -> bool {
    let typed: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
    made(seal, code).as_bytes().ct_eq(typed.as_bytes()).into()
}

/// The content as it goes out, with its code in the text. `None` where it holds none.
pub fn filled(seal: &Seal, content: &Content) -> Option<Content> {
    let code = content.code.as_ref()?;
    let digits = Uid::read(CodeId::PREFIX, &code.id).map(|uid| made(seal, uid)).unwrap_or_default();
    Some(Content::text(code.text.replace(CODE_MARK, &digits)))
}

#[cfg(test)]
mod tests {
    use everthread_core::content::OneTimeCode;
    use everthread_core::continuation::code_text;

    use super::*;

    #[test]
    fn a_code_is_six_digits_of_its_own_key() {
        let uid = Uid(uuid::Uuid::from_u128(5));
        let (seal, other) = (Seal::from_key([1; 32]), Seal::from_key([2; 32]));
        let code = OneTimeCode { id: uid.show(CodeId::PREFIX), text: code_text("Acme") };
        let content = Content { code: Some(code), ..Content::text("A code was sent") };
        let out = filled(&seal, &content).expect("a code").text;
        let (digits, rest) = out.split_at(6);
        assert!(digits.bytes().all(|b| b.is_ascii_digit()) && rest.starts_with(" is your code"), "{out}");
        let spaced = format!(" {} {} ", &digits[..3], &digits[3..]);
        for (typed, right) in [(digits, true), (spaced.as_str(), true), ("", false), ("00000", false)] {
            assert_eq!(is(&seal, uid, typed), right, "{typed}");
        }
        assert!(!is(&other, uid, digits));
        assert_eq!(filled(&seal, &Content::text("no code")), None);
    }
}
