// SPDX-License-Identifier: GPL-2.0

//! `memlab`: asks a running kernel what memory and DMA really cost, and shows it.

mod claims;
mod commands;
mod document;
mod error;
mod evidence;
mod output;
mod picture;
mod sys;

use clap::{Args, CommandFactory, Parser, Subcommand};
use commands::{Context, Found};
use document::Body;
use error::{Error, Kind};
use evidence::module::Module;
use output::Format;
use std::{path::PathBuf, process::ExitCode};

/// Asks a running kernel what memory and DMA really cost
#[derive(Parser, Debug)]
#[command(
    name = "memlab",
    version,
    subcommand_required = true,
    arg_required_else_help = true
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args, Debug)]
struct Global {
    /// One JSON document; its schema is tools/memlab/schema.json
    #[arg(long, global = true, conflicts_with_all = ["csv", "ktap"])]
    json: bool,
    /// The rows as CSV
    #[arg(long, global = true, conflicts_with = "ktap")]
    csv: bool,
    /// One line for each thing that held or did not
    #[arg(long, global = true)]
    ktap: bool,
    /// The percentiles to show, as 50,99,99.99: any of a run, of a comparison those that it has
    #[arg(long, global = true, value_delimiter = ',', value_parser = percentile)]
    percentiles: Vec<f64>,
    /// A copy of /proc and /sys of another machine, to look at and not to ask
    #[arg(long, global = true, hide = true)]
    root: Option<PathBuf>,
}

#[derive(Subcommand, Debug)]
enum Command {
    Advise(commands::advise::Arguments),
    Run(commands::run::Arguments),
    Show(commands::show::Arguments),
    Scenario(commands::scenario::Arguments),
    Record(commands::record::Arguments),
    Diff(commands::diff::Arguments),
    Plot(commands::plot::Arguments),
    Lend(commands::lend::LendArguments),
    Return(commands::lend::ReturnArguments),
    Doctor(commands::doctor::Arguments),
    Claims(commands::claims::Arguments),
    Walk(commands::walk::Arguments),
    View(commands::view::Arguments),
    Outstanding(commands::outstanding::Arguments),
    Leak(commands::leak::Arguments),
    Around(commands::around::Arguments),
    Watch(commands::watch::Arguments),
    Sweep(commands::sweep::Arguments),
    /// Does to its memory what it is told: a child of claims
    #[command(hide = true, name = sys::child::VERB)]
    Act,
    /// Writes man page, completions and schema into a folder
    #[command(hide = true)]
    Generate {
        folder: PathBuf,
    },
}

impl Command {
    fn name(&self) -> &'static str {
        match self {
            Self::Advise(_) => "advise",
            Self::Run(_) => "run",
            Self::Show(_) => "show",
            Self::Scenario(_) => "scenario",
            Self::Record(_) => "record",
            Self::Diff(_) => "diff",
            Self::Plot(_) => "plot",
            Self::Lend(_) => "lend",
            Self::Return(_) => "return",
            Self::Doctor(_) => "doctor",
            Self::Claims(_) => "claims",
            Self::Walk(_) => "walk",
            Self::View(_) => "view",
            Self::Outstanding(_) => "outstanding",
            Self::Leak(_) => "leak",
            Self::Around(_) => "around",
            Self::Watch(_) => "watch",
            Self::Sweep(_) => "sweep",
            Self::Act => sys::child::VERB,
            Self::Generate { .. } => "generate",
        }
    }

    fn carry_out(&self, context: &Context) -> error::Result<Option<Found<Body>>> {
        let found = match self {
            Self::Advise(arguments) => {
                commands::advise::advise(context, arguments)?.map(Body::from)
            }
            Self::Run(arguments) => commands::run::run(context, arguments)?
                .map(Box::new)
                .map(Body::Run),
            Self::Show(arguments) => commands::show::show(context, arguments)?.map(Body::Show),
            Self::Scenario(arguments) => {
                commands::scenario::scenario(context, arguments)?.map(Body::Scenario)
            }
            Self::Record(arguments) => {
                commands::record::record(context, arguments)?.map(Body::Record)
            }
            Self::Diff(arguments) => commands::diff::diff(context, arguments)?.map(Body::Diff),
            Self::Plot(arguments) => commands::plot::plot(context, arguments)?.map(Body::Plot),
            Self::Doctor(arguments) => {
                commands::doctor::doctor(context, arguments)?.map(Body::Doctor)
            }
            Self::Claims(arguments) => {
                commands::claims::claims(context, arguments)?.map(Body::Claims)
            }
            Self::Walk(arguments) => commands::walk::walk(context, arguments)?.map(Body::Walk),
            Self::View(arguments) => commands::view::view(context, arguments)?.map(Body::View),
            Self::Around(arguments) => {
                commands::around::around(context, arguments)?.map(Body::Around)
            }
            Self::Watch(arguments) => commands::watch::watch(context, arguments)?.map(Body::Watch),
            Self::Sweep(arguments) => commands::sweep::sweep(context, arguments)?.map(Body::Sweep),
            Self::Leak(arguments) => commands::leak::leak(context, arguments)?.map(Body::Leak),
            Self::Outstanding(arguments) => {
                commands::outstanding::outstanding(context, arguments)?.map(Body::Outstanding)
            }
            Self::Act => {
                let served = sys::puppet::serve();
                served.map_err(|error| Error::new(Kind::File, format!("stdin: {error}")))?;
                return Ok(None);
            }
            Self::Lend(arguments) => commands::lend::lend(context, arguments)?.map(Body::Lend),
            Self::Return(arguments) => {
                commands::lend::give_back(context, arguments)?.map(Body::Return)
            }
            Self::Generate { folder } => {
                commands::generate::generate(Cli::command(), &document::schema()?, folder)?;
                return Ok(None);
            }
        };
        Ok(Some(found))
    }
}

fn percentile(text: &str) -> Result<f64, String> {
    let parsed = text.trim_start_matches('p').parse::<f64>().ok();
    let fits = parsed.filter(|at| (0.0..=100.0).contains(at));
    fits.ok_or_else(|| "must be numbers from 0 to 100, as 50,99,99.99".to_owned())
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let format = match &cli.global {
        global if global.json => Format::Json,
        global if global.csv => Format::Csv,
        global if global.ktap => Format::Ktap,
        _ => Format::Text,
    };
    let context = Context {
        machine: evidence::Machine::at(cli.global.root.as_deref()),
        percentiles: cli.global.percentiles.clone(),
        live: format == Format::Text,
    };
    let shown = cli
        .command
        .carry_out(&context)
        .and_then(|found| match found {
            None => Ok(()),
            Some(found) => {
                if !found.silent {
                    document::emit(format, found.value)?;
                }
                if let Some(module) = found.held {
                    hold(module);
                }
                found.failed.map_or(Ok(()), Err)
            }
        });
    match shown {
        Ok(()) => ExitCode::SUCCESS,
        // The value has been shown: what did not hold stands in it.
        Err(error) if error.kind == Kind::Failed => {
            eprintln!("memlab: {error}");
            ExitCode::from(error.kind.code())
        }
        Err(error) => end(format, cli.command.name(), &error),
    }
}

/// Waits for the end of the input, or a signal, which ends the command and with it the session.
fn hold(module: Box<dyn Module>) {
    eprintln!("memlab: it is held until Ctrl-C or the end of the input");
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink()); // An end, too.
    drop(module);
}

fn end(format: Format, command: &str, error: &Error) -> ExitCode {
    document::emit_error(format, command, error);
    ExitCode::from(error.kind.code())
}
