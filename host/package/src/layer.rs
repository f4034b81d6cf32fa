//! The first eight bytes: whether something is a component, a core module or
//! neither. Looks no further.

/// The largest component or module that is read, in bytes. componentize-py's
/// have 18 MB; the host that runs them has the same limit.
pub const MAX_PACKAGE_BYTES: u64 = 64 << 20;

/// What bytes are by their preamble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// A component.
    Component,
    /// A core module.
    Module,
}

/// Bytes that are no WebAssembly.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayerError {
    /// Something else.
    #[error("it is no WebAssembly, it begins with {found}; name a `.wasm` file")]
    NotWasm {
        /// What it seems to be.
        found: String,
    },
    /// A binary format of the future or the past.
    #[error(
        "it is WebAssembly of an unknown kind (preamble {0:02x?}); build it with current tools"
    )]
    UnknownKind([u8; 4]),
    /// Over the limit.
    #[error(
        "it has {bytes} bytes, more than the {MAX_PACKAGE_BYTES} that are read; strip its debug information"
    )]
    TooLarge {
        /// How many.
        bytes: u64,
    },
}

impl Layer {
    /// What these bytes are.
    ///
    /// # Errors
    /// When they are neither, or too many.
    pub fn of(bytes: &[u8]) -> Result<Self, LayerError> {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if size > MAX_PACKAGE_BYTES {
            return Err(LayerError::TooLarge { bytes: size });
        }
        let Some((preamble, _)) = bytes.split_first_chunk::<8>() else {
            return Err(not_wasm(bytes));
        };
        let [b'\0', b'a', b's', b'm', kind @ ..] = *preamble else {
            return Err(not_wasm(bytes));
        };
        match kind {
            [1, 0, 0, 0] => Ok(Self::Module),
            // The version before the last field grows until the format is final.
            [_, _, 1, 0] => Ok(Self::Component),
            _ => Err(LayerError::UnknownKind(kind)),
        }
    }
}

fn not_wasm(bytes: &[u8]) -> LayerError {
    let head = bytes.get(..64).unwrap_or(bytes);
    let found = match head {
        [] => "nothing: it is empty".to_owned(),
        [0x7f, b'E', b'L', b'F', ..] => "an ELF header: it is a native program".to_owned(),
        [0x1f, 0x8b, ..] => "a gzip header: unpack it first".to_owned(),
        [b'P', b'K', ..] => "a zip header: unpack it first".to_owned(),
        [b'(', ..] => "`(`: it is WebAssembly text, assemble it first".to_owned(),
        [b'<', ..] => "`<`: it is a web page".to_owned(),
        _ => format!("the bytes {:02x?}", &head[..head.len().min(4)]),
    };
    LayerError::NotWasm { found }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preamble_tells() {
        assert_eq!(Layer::of(b"\0asm\x01\0\0\0"), Ok(Layer::Module));
        assert_eq!(Layer::of(b"\0asm\x0d\0\x01\0rest"), Ok(Layer::Component));
        assert!(matches!(
            Layer::of(b"\0asm\x01\0\x07\0"),
            Err(LayerError::UnknownKind(_))
        ));
        for (bytes, said) in [
            (&b""[..], "empty"),
            (b"\0asm", "00, 61"),
            (b"\x7fELF\x02\x01\x01\0", "native program"),
            (b"<!DOCTYPE html>", "web page"),
            (b"(module)", "text"),
            (b"\x1f\x8b\x08\0\0\0\0\0", "unpack"),
        ] {
            let error = Layer::of(bytes).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
