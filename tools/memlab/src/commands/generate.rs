// SPDX-License-Identifier: GPL-2.0

//! `generate FOLDER`: man page, completions and schema, from the very arguments that are parsed.

use crate::{
    claims::course,
    error::{Error, Kind, Result},
    output,
};
use clap_complete::{generate as complete, Shell};
use std::{fs, path::Path};

/// Writes them all.
pub fn generate(mut command: clap::Command, schema: &str, folder: &Path) -> Result {
    let failed = |error: &std::io::Error| Error::file(folder, error);
    fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    for (shell, file) in [
        (Shell::Bash, "memlab.bash"),
        (Shell::Zsh, "_memlab"),
        (Shell::Fish, "memlab.fish"),
    ] {
        let mut text = Vec::new();
        complete(shell, &mut command, "memlab", &mut text);
        output::replace(&folder.join(file), &text)?;
    }
    output::replace(
        &folder.join("memlab.8"),
        &man(command).map_err(|error| failed(&error))?,
    )?;
    output::replace(&folder.join("claims.md"), course::page().as_bytes())?;
    output::replace(&folder.join("schema.json"), schema.as_bytes())
}

/// One page with all subcommands and the exit codes.
fn man(mut command: clap::Command) -> std::io::Result<Vec<u8>> {
    command.build();
    let mut text = Vec::new();
    let page = clap_mangen::Man::new(command.clone())
        .section("8")
        .source("memlab");
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    page.render_subcommands_section(&mut text)?;
    for sub in command
        .get_subcommands()
        .filter(|sub| !sub.is_hide_set() && sub.get_name() != "help")
    {
        text.extend(format!(".SH \"MEMLAB {}\"\n", sub.get_name().to_uppercase()).bytes());
        let page = clap_mangen::Man::new(sub.clone());
        let mut part = Vec::new();
        page.render_synopsis_section(&mut part)?;
        page.render_description_section(&mut part)?;
        page.render_options_section(&mut part)?;
        // Within the section of the subcommand these are one level down.
        text.extend(
            String::from_utf8_lossy(&part)
                .replace(".SH ", ".SS ")
                .bytes(),
        );
    }
    text.extend(b".SH \"EXIT STATUS\"\n");
    text.extend(b".TP\n0\ndone\n");
    for (kind, meaning) in Kind::ALL {
        text.extend(format!(".TP\n{}\n{meaning}\n", kind.code()).bytes());
    }
    Ok(text)
}
