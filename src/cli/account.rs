//! `tsctl account create`, and finding the account that an option names.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::Context;
use super::exit_code::CliError;
use super::output::{Rows, say};
use crate::model::{Account, AccountId, AccountName, CountryCode, Email};
use crate::shop::Shop;

pub(super) const EXAMPLES: &str = "Examples:
  tsctl account create --name 'Ada Lovelace' --email ada@example.com --country GB
  tsctl list account ada@example.com";

#[derive(Subcommand)]
pub(super) enum AccountCommand {
    /// Make an account; the same again finds it
    Create(Create),
}

#[derive(Args)]
pub(super) struct Create {
    /// The buyer's name
    #[arg(long)]
    name: String,
    /// The e-mail address, unique among accounts
    #[arg(long)]
    email: String,
    /// ISO 3166-1 alpha-2 code of the country
    #[arg(long)]
    country: String,
}

pub(super) async fn run(context: &Context, command: AccountCommand) -> Result<ExitCode, CliError> {
    let AccountCommand::Create(Create { name, email, country }) = command;
    let named = |option: &'static str| move |error| CliError::usage(format!("{option} {error}"));
    let name = AccountName::parse(&name).map_err(named("--name"))?;
    let email = Email::parse(&email).map_err(named("--email"))?;
    let country = CountryCode::parse(&country).map_err(named("--country"))?;
    context
        .with_shop(async |shop| {
            let made = shop.create_account(name, email, country).await?;
            if !made.created {
                say("the account was there already");
            }
            let Account { id, name, email, country } = &made.account;
            let row =
                [id.to_string(), name.as_str().to_owned(), email.as_str().to_owned(), country.to_string()];
            context.output.data(&made.account, &Rows::new(["id", "name", "email", "country"], [row]))
        })
        .await
}

/// The account with this id or e-mail address.
pub(super) async fn named(shop: &Shop, text: &str) -> Result<Account, CliError> {
    match AccountId::parse(text) {
        Ok(id) => Ok(shop.store().account_by_id(id).await?),
        Err(_) => {
            let email = Email::parse(text)
                .map_err(|_| CliError::usage("--account must be an account's id or its e-mail address"))?;
            Ok(shop.store().account(&email).await?)
        }
    }
}
