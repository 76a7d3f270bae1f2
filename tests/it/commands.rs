//! Commands: arguments, output, exit codes and effects.

mod check;
mod completions;
mod dead_letters;
mod help;
mod input_files;
mod output;
mod replay;
mod route;
mod schemas;
mod tail;
mod topics;
