//! Components of any world, made from the text of it: what they export does nothing but trap.

use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve, UnresolvedPackageGroup};

use crate::growth;

/// A component of a world of this WIT text.
pub(crate) fn component(text: &str, world: &str) -> Vec<u8> {
    let group = UnresolvedPackageGroup::parse("world.wit", text).expect("the text is WIT");
    let mut resolve = Resolve::default();
    let package = resolve.push_group(group).expect("the text is whole");
    let world = resolve.select_world(&[package], Some(world)).expect("the world is there");
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Legacy(LiftLowerAbi::Sync));
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .expect("there is room for it");
    let encoder =
        ComponentEncoder::default().validate(true).module(&module).expect("the module fits the world");
    { encoder }.encode().expect("the module fits the world")
}

/// A component of a world of the contract, if this were the contract's version.
pub(crate) fn of_version(version: &str, world: &str) -> Vec<u8> {
    component(&growth::present().replacen("@0.2.0;", &format!("@{version};"), 1), world)
}
