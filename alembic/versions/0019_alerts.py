"""Who is told of alerts, and how."""

import sqlalchemy as sa

from alembic import op

revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('app_user', sa.Column('email', sa.String(), nullable=True))
    op.add_column('app_user', sa.Column('language', sa.String(), nullable=True))
    op.add_column('app_user', sa.Column('email_refused_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('alert', sa.Column('told_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('alert', sa.Column('acknowledged_by', sa.Uuid(), nullable=True))
    op.add_column('alert', sa.Column('acknowledged_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('alert', sa.Column('assigned_to', sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f('fk_alert_acknowledged_by_app_user'), 'alert', 'app_user', ['acknowledged_by'], ['id'])
    op.create_foreign_key(op.f('fk_alert_assigned_to_app_user'), 'alert', 'app_user', ['assigned_to'], ['id'])
    op.create_index(op.f('ix_alert_assigned_to'), 'alert', ['assigned_to'])
    op.create_index('ix_alert_untold', 'alert', ['raised_at'], postgresql_where=sa.text('told_at IS NULL'))
    # What is open already was seen on the desks' pages: nobody is written to about it now.
    op.execute('UPDATE alert SET told_at = raised_at')
    op.create_table('alert_subscription',
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('kinds', sa.JSON(), nullable=False),
    sa.Column('items', sa.JSON(), nullable=False),
    sa.Column('regions', sa.JSON(), nullable=False),
    sa.Column('least_severity', sa.String(40), nullable=False),
    sa.Column('means', sa.String(40), nullable=False),
    sa.Column('digest_hour', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['app_user.id'], name=op.f('fk_alert_subscription_user_id_app_user')),
    sa.PrimaryKeyConstraint('user_id', name=op.f('pk_alert_subscription'))
    )
    op.create_table('alert_mute',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(40), nullable=True),
    sa.Column('subject', sa.String(), nullable=True),
    sa.Column('user_id', sa.Uuid(), nullable=True),
    sa.Column('organisation', sa.String(), nullable=True),
    sa.Column('until', sa.DateTime(timezone=True), nullable=False),
    sa.Column('reason', sa.String(), nullable=True),
    sa.Column('muted_by', sa.Uuid(), nullable=False),
    sa.Column('muted_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['muted_by'], ['app_user.id'], name=op.f('fk_alert_mute_muted_by_app_user')),
    sa.ForeignKeyConstraint(['organisation'], ['organisation.code'], name=op.f('fk_alert_mute_organisation_organisation')),
    sa.ForeignKeyConstraint(['user_id'], ['app_user.id'], name=op.f('fk_alert_mute_user_id_app_user')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_alert_mute'))
    )
    op.create_index(op.f('ix_alert_mute_organisation'), 'alert_mute', ['organisation'])
    op.create_index(op.f('ix_alert_mute_user_id'), 'alert_mute', ['user_id'])
    op.create_table('webhook',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation', sa.String(), nullable=False),
    sa.Column('role', sa.String(40), nullable=False),
    sa.Column('url', sa.String(), nullable=False),
    sa.Column('kinds', sa.JSON(), nullable=False),
    sa.Column('least_severity', sa.String(40), nullable=False),
    sa.Column('secret_version', sa.Integer(), nullable=False),
    sa.Column('registered_by', sa.Uuid(), nullable=False),
    sa.Column('registered_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('failing_since', sa.DateTime(timezone=True), nullable=True),
    sa.Column('disabled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('removed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['organisation'], ['organisation.code'], name=op.f('fk_webhook_organisation_organisation')),
    sa.ForeignKeyConstraint(['registered_by'], ['app_user.id'], name=op.f('fk_webhook_registered_by_app_user')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_webhook'))
    )
    op.create_index(op.f('ix_webhook_organisation'), 'webhook', ['organisation'])
    op.create_table('alert_message',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(40), nullable=False),
    sa.Column('alert_id', sa.Uuid(), nullable=True),
    sa.Column('user_id', sa.Uuid(), nullable=True),
    sa.Column('webhook_id', sa.Uuid(), nullable=True),
    sa.Column('digest_id', sa.Uuid(), nullable=True),
    sa.Column('state', sa.String(40), nullable=False),
    sa.Column('queued_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('next_try_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('settled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('answer', sa.Text(), nullable=True),
    sa.CheckConstraint('(user_id IS NULL) <> (webhook_id IS NULL)', name=op.f('ck_alert_message_one_addressee')),
    sa.CheckConstraint("(alert_id IS NULL) = (kind IN ('digest', 'test'))", name=op.f('ck_alert_message_alert_of_its_own')),
    sa.ForeignKeyConstraint(['alert_id'], ['alert.id'], name=op.f('fk_alert_message_alert_id_alert')),
    sa.ForeignKeyConstraint(['digest_id'], ['alert_message.id'], name=op.f('fk_alert_message_digest_id_alert_message')),
    sa.ForeignKeyConstraint(['user_id'], ['app_user.id'], name=op.f('fk_alert_message_user_id_app_user')),
    sa.ForeignKeyConstraint(['webhook_id'], ['webhook.id'], name=op.f('fk_alert_message_webhook_id_webhook')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_alert_message')),
    sa.UniqueConstraint('alert_id', 'user_id', name=op.f('uq_alert_message_alert_id_user_id')),
    sa.UniqueConstraint('alert_id', 'webhook_id', name=op.f('uq_alert_message_alert_id_webhook_id'))
    )
    op.create_index('ix_alert_message_due', 'alert_message', ['next_try_at'], postgresql_where=sa.text("state = 'queued'"))
    op.create_index(op.f('ix_alert_message_digest_id'), 'alert_message', ['digest_id'])
    op.create_index(op.f('ix_alert_message_user_id'), 'alert_message', ['user_id'])
    op.create_index(op.f('ix_alert_message_webhook_id'), 'alert_message', ['webhook_id'])


def downgrade() -> None:
    op.drop_table('alert_message')
    op.drop_table('webhook')
    op.drop_table('alert_mute')
    op.drop_table('alert_subscription')
    op.drop_index('ix_alert_untold', 'alert')
    op.drop_index(op.f('ix_alert_assigned_to'), 'alert')
    op.drop_constraint(op.f('fk_alert_assigned_to_app_user'), 'alert', type_='foreignkey')
    op.drop_constraint(op.f('fk_alert_acknowledged_by_app_user'), 'alert', type_='foreignkey')
    for name in ('assigned_to', 'acknowledged_at', 'acknowledged_by', 'told_at'):
        op.drop_column('alert', name)
    for name in ('email_refused_at', 'language', 'email'):
        op.drop_column('app_user', name)
