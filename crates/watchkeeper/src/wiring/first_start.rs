//! The first administrator: from the configuration, or by a link that works once.

use anyhow::Context;
use state::State;
use url::Url;

use super::announcement::Places;
use crate::config::Settings;
use crate::terminal;

/// Does nothing once there is a user.
pub async fn welcome(settings: &Settings, state: &State, places: &Places) -> anyhow::Result<()> {
    if let Some(password) = &settings.admin_password {
        let made = server::create_administrator(state, &settings.admin_user, password.expose())
            .await
            .context("the administrator could not be made")?;
        if let Some(user) = made {
            terminal::say(&format!("The administrator `{}` was made as configured.", user.name));
        }
        return Ok(());
    }
    if places.dashboard.is_none() {
        return say_how_without_a_page(settings, state).await;
    }
    let token = server::issue_setup_token(state).await.context("the set-up link could not be made")?;
    if let Some(token) = token {
        terminal::say(&format!(
            "\nNobody can log in yet. Make the administrator here; the link works once:\n  {}\n",
            setup_link(&places.page, &token)
        ));
    }
    Ok(())
}

/// A link would lead nowhere.
async fn say_how_without_a_page(settings: &Settings, state: &State) -> anyhow::Result<()> {
    if !state.has_users().await.context("it cannot be seen whether there is a user")? {
        let data = settings.data.display();
        terminal::say(&format!(
            "\nNobody can log in yet, and the page is switched off. Make the administrator with\n  \
             watchkeeper user create NAME --role admin --data {data}\nor a token for a program with\n  \
             watchkeeper token create --name NAME --role admin --data {data}\n"
        ));
    }
    Ok(())
}

fn setup_link(page: &Url, token: &str) -> Url {
    let mut link = page.clone();
    link.set_path(&format!("{}/setup", page.path().trim_end_matches('/')));
    link.set_query(Some(&format!("token={token}")));
    link
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_link_leads_to_the_page_wherever_it_is_mounted() {
        for (page, link) in [
            ("http://127.0.0.1:8083", "http://127.0.0.1:8083/setup?token=abc"),
            ("https://ops.example/watch/", "https://ops.example/watch/setup?token=abc"),
        ] {
            assert_eq!(setup_link(&Url::parse(page).unwrap(), "abc").as_str(), link);
        }
    }
}
