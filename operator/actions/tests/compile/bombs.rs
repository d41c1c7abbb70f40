//! Components that are small, valid and hard to compile. Made here and not kept: they are nothing but repetitions.

use wasm_encoder::{
    BlockType, CodeSection, Component, Function, FunctionSection, Module, ModuleSection, TypeSection, ValType,
};

/// What a core module may have in one function body.
const BODY: usize = 7_000_000;

/// A component around a core module with one type, `(i32)`, and these functions of it.
fn component(functions: &[Function]) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32], []);
    let (mut declared, mut code) = (FunctionSection::new(), CodeSection::new());
    for function in functions {
        declared.function(0);
        code.function(function);
    }
    let mut module = Module::new();
    module.section(&types).section(&declared).section(&code);
    let mut component = Component::new();
    component.section(&ModuleSection(&module));
    component.finish()
}

/// No bomb: a component with some functions that do nothing.
pub(crate) fn with_functions(functions: usize) -> Vec<u8> {
    let mut function = Function::new([]);
    function.instructions().end();
    component(&vec![function; functions])
}

/// One function with as many blocks in a row as fit, each with a branch out of it.
pub(crate) fn many_blocks() -> Vec<u8> {
    let mut function = Function::new([]);
    let mut code = function.instructions();
    for _ in 0..BODY / 8 {
        code.block(BlockType::Empty).local_get(0).br_if(0).end();
    }
    code.end();
    component(&[function])
}

/// Functions with as many locals as are allowed, all of them alive around a loop.
pub(crate) fn many_locals() -> Vec<u8> {
    const LOCALS: u32 = 49_000;
    let mut function = Function::new([(LOCALS, ValType::I64)]);
    let mut code = function.instructions();
    code.loop_(BlockType::Empty);
    for local in 1..LOCALS {
        code.local_get(local).i64_const(1).i64_add().local_set(local + 1);
    }
    code.local_get(0).br_if(0).end().end();
    component(&vec![function; 12])
}

/// A hundred thousand blocks, each in the one before.
pub(crate) fn deep_nesting() -> Vec<u8> {
    const DEPTH: u32 = 100_000;
    let mut function = Function::new([]);
    let mut code = function.instructions();
    for _ in 0..DEPTH {
        code.block(BlockType::Empty).local_get(0).br_if(0);
    }
    for _ in 0..DEPTH {
        code.local_get(0).br_if(0).end();
    }
    code.end();
    component(&vec![function; 8])
}

/// Jump tables with four million entries in all.
pub(crate) fn huge_tables() -> Vec<u8> {
    const DEPTH: u32 = 500;
    let mut function = Function::new([]);
    let mut code = function.instructions();
    for _ in 0..DEPTH {
        code.block(BlockType::Empty);
    }
    for closed in 0..DEPTH {
        // Every block that is open, over and over.
        let targets: Vec<u32> = (0..DEPTH - closed).cycle().take(2000).collect();
        code.local_get(0).br_table(targets, 0).end();
    }
    code.end();
    component(&vec![function; 4])
}
