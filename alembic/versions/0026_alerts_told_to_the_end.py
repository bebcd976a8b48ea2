"""Addresses are confirmed, webhooks hear that an alert is over, and two secrets may sign at once."""

import sqlalchemy as sa

from alembic import op

revision = '0026'
down_revision = '0020'
branch_labels = None
depends_on = None

WITHOUT_ALERT = "(alert_id IS NULL) = (kind IN ('digest', 'test'%s))"


def upgrade() -> None:
    op.add_column('app_user', sa.Column('email_asked_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('app_user', sa.Column('email_confirmed_at', sa.DateTime(timezone=True), nullable=True))
    # Who was written to until now goes on being written to: a recall that nobody hears of is worse
    # than a mail to an address that nobody confirmed.
    op.execute('UPDATE app_user SET email_confirmed_at = now() WHERE email IS NOT NULL AND email_refused_at IS NULL')
    op.add_column('webhook', sa.Column('secret_changed_at', sa.DateTime(timezone=True), nullable=True))
    op.drop_constraint('uq_alert_message_alert_id_webhook_id', 'alert_message')
    op.create_unique_constraint('uq_alert_message_alert_id_webhook_id_kind', 'alert_message', ['alert_id', 'webhook_id', 'kind'])
    _check(", 'confirm'")
    op.create_index('ix_alert_message_settled', 'alert_message', ['settled_at'], postgresql_where=sa.text("state IN ('sent', 'dropped')"))


def downgrade() -> None:
    op.drop_index('ix_alert_message_settled', 'alert_message')
    op.execute("DELETE FROM alert_message WHERE kind IN ('closed', 'confirm')")
    _check('')
    op.drop_constraint('uq_alert_message_alert_id_webhook_id_kind', 'alert_message')
    op.create_unique_constraint('uq_alert_message_alert_id_webhook_id', 'alert_message', ['alert_id', 'webhook_id'])
    op.drop_column('webhook', 'secret_changed_at')
    op.drop_column('app_user', 'email_confirmed_at')
    op.drop_column('app_user', 'email_asked_at')


def _check(more: str) -> None:
    name = op.f('ck_alert_message_alert_of_its_own')
    op.drop_constraint(name, 'alert_message')
    op.create_check_constraint(name, 'alert_message', WITHOUT_ALERT % more)
