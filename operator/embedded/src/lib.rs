//! The components that the server carries inside itself: its own item actions, the engines that run scripts, and the rules of resource modifiers.
//!
//! The build script compiles them from `actions-wasm`, packs them and leaves a table in which everything is known but the bytes. They are
//! unpacked when somebody asks, so a server whose compiled components lie in its cache never pays for it.
//!
//! This crate runs no component and does not read manifests: their texts are handed out as they are written.

use std::{io::Read, sync::Arc};

use lateen_actions::{Library, LibraryComponent};

/// A component that is part of this binary.
#[derive(Debug)]
pub struct EmbeddedComponent {
    /// What manifests call it: `builtin` for `component`, else a value of `engine`; `resource-modifiers` is named by none.
    pub name: &'static str,
    /// Of the unpacked bytes.
    pub sha256: [u8; 32],
    /// Unpacked, in bytes.
    pub size: usize,
    packed: &'static [u8],
}

impl EmbeddedComponent {
    /// The component as its toolchain made it. Takes some ten milliseconds for the largest.
    pub fn unpack(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.size);
        let mut packed = self.packed;
        ruzstd::decoding::StreamingDecoder::new(&mut packed)
            .expect("the build script wrote a zstd frame")
            .read_to_end(&mut bytes)
            .expect("the frame is as the build script wrote it");
        bytes
    }

    /// What it takes in the binary, in bytes.
    pub fn packed_size(&self) -> usize {
        self.packed.len()
    }
}

/// All of them, by name.
pub fn components() -> &'static [EmbeddedComponent] {
    COMPONENTS
}

/// The one of this name.
pub fn component(name: &str) -> Option<&'static EmbeddedComponent> {
    COMPONENTS.iter().find(|component| component.name == name)
}

/// The manifests of the built-in actions, YAML as an author would write it, by file name.
pub fn manifests() -> &'static [&'static str] {
    MANIFESTS
}

/// All of it, as the host of actions takes it. Nothing is unpacked before it is needed.
pub fn library() -> Library {
    let component = |embedded: &'static EmbeddedComponent| LibraryComponent {
        name: embedded.name.to_owned(),
        sha256: embedded.sha256,
        unpack: Arc::new(|| embedded.unpack()),
    };
    Library {
        components: COMPONENTS.iter().map(component).collect(),
        manifests: MANIFESTS.iter().map(|text| (*text).to_owned()).collect(),
    }
}

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

#[cfg(test)]
mod tests;
