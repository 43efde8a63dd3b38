//! People at the console.

use everthread_core::content::Content;
use everthread_core::conversation::Owner;
use everthread_core::health::{Direction, Scope};
use everthread_core::ids::{ConversationId, WorkspaceId};
use everthread_core::routing::Wish;
use everthread_core::state::{State, Status};
use everthread_core::time::Timestamp;
use everthread_store::Error;
use everthread_store::units::{Assign, Cancel, Compose, Retry, SetStatus, Trigger};

use super::{Step, World};
use crate::checks::{Choices, PartsOf, Wishes};
use crate::hub::{Inside, text};

impl World {
    pub(super) fn person(&mut self) -> Inside<()> {
        let clock = self.clock();
        if self.active() {
            let after = self.people.millis(2_000, 60_000);
            self.push(after, Step::Person);
        }
        if !self.people.chance(self.faults.people) {
            return Ok(());
        }
        let Some(hub) = &mut self.hub else { return Ok(()) };
        let (conversations, messages) = hub.store.read(&Choices).map_err(text)?;
        let Some((conversation, workspace)) = self.people.pick(&conversations).copied() else {
            return Ok(());
        };
        let Some(user) = self.scene.users.get(&workspace).copied() else { return Ok(()) };
        let now = clock;
        let after = match self.people.below(15) {
            10..15 => return self.steer(clock),
            0..=4 => return self.compose(conversation, workspace, clock),
            5 | 6 => {
                hub.store.write(&Assign { now, workspace, conversation, to: Owner::Bot, expected: None })
            }
            7 => {
                let status = if self.people.chance(500) { Status::Resolved } else { Status::Snoozed };
                let snoozed_until = (status == Status::Snoozed).then(|| now + self.people.millis(1, 600_000));
                hub.store.write(&SetStatus { now, workspace, conversation, status, snoozed_until })
            }
            pick => {
                let Some((message, workspace, state)) = self.people.pick(&messages).copied() else {
                    return Ok(());
                };
                if pick == 8 || state == State::Queued {
                    hub.store.write(&Cancel { now, workspace, message, user: Some(user) })
                } else {
                    let parts = hub.store.read(&PartsOf(message)).map_err(text)?;
                    let user = self.scene.users.get(&workspace).copied().unwrap_or(user);
                    let done = hub.store.write(&Retry { now, workspace, message, user });
                    if done.is_ok() {
                        for part in parts {
                            self.judge.attempts.remove(&part);
                            self.judge.retried.insert(part);
                        }
                    }
                    done
                }
            }
        };
        match after {
            Ok(after) => hub.follow(after, clock),
            // What a person wanted is not possible any more: they are told.
            Err(Error::Conflict(_) | Error::Invalid(_)) => {}
            Err(error) => return Err(error.to_string()),
        }
        Ok(())
    }

    /// People approve, choose, declare and dismiss.
    fn steer(&mut self, now: Timestamp) -> Inside<()> {
        let Some(hub) = &mut self.hub else { return Ok(()) };
        let (suggested, ways) = hub.store.read(&Wishes).map_err(text)?;
        let (conversation, workspace, trigger) = match self.people.below(6) {
            0 | 1 => {
                let Some((conversation, workspace)) = self.people.pick(&suggested).copied() else {
                    return Ok(());
                };
                let Some(user) = self.scene.users.get(&workspace) else { return Ok(()) };
                (conversation, workspace, Trigger::Approve(*user))
            }
            2 | 3 => {
                let Some((conversation, workspace, identity)) = self.people.pick(&ways).copied() else {
                    return Ok(());
                };
                let Some(user) = self.scene.users.get(&workspace) else { return Ok(()) };
                (conversation, workspace, Trigger::Choose(*user, Wish { identity, account: None }))
            }
            _ => return self.judge_for_themselves(now),
        };
        if let Some(made) = hub.plan(workspace, conversation, trigger, now)? {
            self.judge_move(&made)?;
        }
        self.crash();
        Ok(())
    }

    /// A person says that something is down, or that it is not.
    fn judge_for_themselves(&mut self, now: Timestamp) -> Inside<()> {
        let Some(hub) = &mut self.hub else { return Ok(()) };
        let open: Vec<_> = hub.continuity.detector.incidents().iter().map(|i| i.key).collect();
        if let Some(key) = self.people.pick(&open).copied() {
            return if self.people.chance(300) { hub.dismiss(key, now) } else { Ok(()) };
        }
        let Some(info) = self.people.pick(&self.scene.accounts) else { return Ok(()) };
        let scope = if self.people.chance(500) {
            Scope::Account(info.id)
        } else {
            Scope::Channel(info.channel.clone())
        };
        let direction =
            self.people.pick(&[Direction::Send, Direction::Delivery, Direction::Inbound]).copied();
        hub.declare(scope, direction.unwrap_or(Direction::Send), now)
    }

    /// A reply, which the client sends again when it hears nothing.
    fn compose(
        &mut self,
        conversation: ConversationId,
        workspace: WorkspaceId,
        clock: Timestamp,
    ) -> Inside<()> {
        let Some(user) = self.scene.users.get(&workspace).copied() else { return Ok(()) };
        let client_id = format!("c{}", self.people.draw());
        let words =
            if self.people.chance(300) { "a long answer by hand ".repeat(6) } else { "by hand".to_owned() };
        let Some(hub) = &mut self.hub else { return Ok(()) };
        let unit = Compose {
            now: clock,
            seed: self.people.draw(),
            workspace,
            conversation,
            user,
            client_id: Some(client_id.clone()),
            content: Content::text(words),
            reply_to: None,
            expected: None,
            directory: hub.directory(),
        };
        let twice = self.people.chance(200);
        for _ in 0..=u8::from(twice) {
            match hub.store.write(&unit) {
                Ok(composed) => hub.follow(composed.after, clock),
                Err(Error::Conflict(_) | Error::Invalid(_)) => return Ok(()),
                Err(error) => return Err(error.to_string()),
            }
        }
        self.judge.composed.insert(client_id);
        self.crash();
        Ok(())
    }
}
