//! A parsed expression, examined and made ready.
//!
//! One walk does what the parser leaves: names that nothing defines are found before the first item comes, structure literals are collected because the
//! interpreter wants their types declared, and loops over maps are made to go in the order of the keys.

use std::{collections::BTreeSet, mem};

use cel::{
    IdedExpr,
    common::ast::{CallExpr, EntryExpr, Expr, IdedEntryExpr},
};

use crate::{functions::ORDERED, literals, variables};

/// Nested expressions. Above the parser's own limit with its macros expanded (96 levels, three of ours for each at most), below what the stack takes.
const MAX_LEVELS: usize = 300;

/// The first parts of functions' names.
const NAMESPACES: [&str; 6] = ["base64", "cluster", "jsonpatch", "lists", "math", "optional"];

/// The names of CEL's types, which are values too.
const TYPES: [&str; 10] =
    ["bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"];

/// What an expression makes use of.
#[derive(Debug, Default)]
pub(crate) struct Uses {
    /// Of our variables.
    pub(crate) variables: BTreeSet<&'static str>,
    /// Names of structure literals.
    pub(crate) literals: BTreeSet<String>,
    /// Variables of macros around the present place.
    scope: Vec<String>,
    level: usize,
}

/// Something that can be known to be wrong before any item comes.
#[derive(Debug)]
pub(crate) struct Wrong {
    /// The expression.
    pub(crate) id: u64,
    /// What is wrong with it.
    pub(crate) message: String,
}

/// Examines an expression and makes it ready.
pub(crate) fn examine(expression: &mut IdedExpr) -> Result<Uses, Wrong> {
    let mut uses = Uses::default();
    uses.walk(expression)?;
    Ok(uses)
}

impl Uses {
    fn walk(&mut self, expression: &mut IdedExpr) -> Result<(), Wrong> {
        let id = expression.id;
        self.level += 1;
        if self.level > MAX_LEVELS {
            return Err(Wrong { id, message: format!("nested deeper than {MAX_LEVELS} levels") });
        }
        match &mut expression.expr {
            Expr::Ident(name) => self.name(name).map_err(|message| Wrong { id, message })?,
            Expr::Call(call) => self.call(call)?,
            Expr::Select(select) => self.walk(&mut select.operand)?,
            Expr::List(list) => list.elements.iter_mut().try_for_each(|element| self.walk(element))?,
            Expr::Map(map) => map.entries.iter_mut().try_for_each(|entry| self.entry(entry))?,
            Expr::Struct(literal) => {
                if !literals::is_known(&literal.type_name) {
                    let message = format!("`{}` is not known, only JSONPatch and Object", literal.type_name);
                    return Err(Wrong { id, message });
                }
                self.literals.insert(literal.type_name.clone());
                literal.entries.iter_mut().try_for_each(|entry| self.entry(entry))?;
            }
            Expr::Comprehension(comprehension) => {
                self.walk(&mut comprehension.iter_range)?;
                order(&mut comprehension.iter_range);
                self.walk(&mut comprehension.accu_init)?;
                let outer = self.scope.len();
                self.scope.extend([comprehension.iter_var.clone(), comprehension.accu_var.clone()]);
                self.walk(&mut comprehension.loop_cond)?;
                self.walk(&mut comprehension.loop_step)?;
                self.walk(&mut comprehension.result)?;
                self.scope.truncate(outer);
            }
            Expr::Literal(_) | Expr::Unspecified => {}
        }
        self.level -= 1;
        Ok(())
    }

    fn call(&mut self, call: &mut CallExpr) -> Result<(), Wrong> {
        if let Some(target) = &mut call.target
            && !matches!(&target.expr, Expr::Ident(name) if NAMESPACES.contains(&name.as_str()))
        {
            self.walk(target)?;
        }
        call.args.iter_mut().try_for_each(|argument| self.walk(argument))
    }

    fn entry(&mut self, entry: &mut IdedEntryExpr) -> Result<(), Wrong> {
        match &mut entry.expr {
            EntryExpr::MapEntry(entry) => {
                self.walk(&mut entry.key)?;
                self.walk(&mut entry.value)
            }
            EntryExpr::StructField(field) => self.walk(&mut field.value),
        }
    }

    fn name(&mut self, name: &str) -> Result<(), String> {
        if self.scope.iter().any(|inner| inner == name) || TYPES.contains(&name) {
            return Ok(());
        }
        let Some(known) = variables::NAMES.into_iter().find(|known| *known == name) else {
            return Err(format!("`{name}` is not known; there are {}", variables::NAMES.join(", ")));
        };
        self.variables.insert(known);
        Ok(())
    }
}

/// Puts the range of a loop in order.
fn order(range: &mut IdedExpr) {
    let id = range.id;
    let range_itself = mem::take(range);
    let call = CallExpr { func_name: ORDERED.to_owned(), target: None, args: vec![range_itself] };
    *range = IdedExpr { id, expr: Expr::Call(call) };
}
