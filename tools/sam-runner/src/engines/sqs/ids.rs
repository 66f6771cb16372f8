//! Message ids and receipt handles.

use data_encoding::BASE64URL_NOPAD;

use super::queue::Number;

/// A random UUID (version 4).
pub(super) fn message_id() -> String {
    let bits = fastrand::u128(..);
    let bits = (bits & !(0xf << 76) & !(0b11 << 62)) | (0x4 << 76) | (0b10 << 62);
    let hex = format!("{bits:032x}");
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

/// One receive of one message. On the wire it is opaque, and as long as a random number makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReceiptHandle {
    pub(super) number: Number,
    /// Which receive of the message this is, from 1 on.
    pub(super) receive_count: u32,
}

const MARK: &[u8; 4] = b"kntr";

impl ReceiptHandle {
    pub(super) fn encode(self) -> String {
        let mut bytes = MARK.to_vec();
        bytes.extend(self.number.to_be_bytes());
        bytes.extend(self.receive_count.to_be_bytes());
        BASE64URL_NOPAD.encode(&bytes)
    }

    /// `None` for what no queue has ever given out.
    pub(super) fn decode(text: &str) -> Option<ReceiptHandle> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        let (number, receive_count) = bytes.strip_prefix(MARK)?.split_at_checked(8)?;
        Some(ReceiptHandle {
            number: Number::from_be_bytes(number.try_into().ok()?),
            receive_count: u32::from_be_bytes(receive_count.try_into().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_id_is_a_random_uuid() {
        let id = message_id();
        assert_eq!(id.len(), 36);
        assert_eq!(&id[14..15], "4");
        assert!(matches!(&id[19..20], "8" | "9" | "a" | "b"), "{id}");
    }

    #[test]
    fn a_receipt_handle_reads_back_and_nothing_else_does() {
        let handle = ReceiptHandle {
            number: u64::MAX - 3,
            receive_count: 17,
        };
        assert_eq!(ReceiptHandle::decode(&handle.encode()), Some(handle));
        for other in [
            "",
            "nonsense",
            "a250cg",
            &handle.encode()[1..],
            &format!("{}AAAA", handle.encode()),
        ] {
            assert_eq!(ReceiptHandle::decode(other), None, "{other}");
        }
    }
}
