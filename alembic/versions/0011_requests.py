"""Approval, liveness and stock on hand of needs."""

import sqlalchemy as sa

from alembic import op

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    widen_need()
    move_history()
    create_region_desk()
    create_approval_rule()
    create_supply_stop()


def widen_need() -> None:
    for name in ('suggested_base', 'approved_base', 'stock_on_hand_base', 'use_per_day_base'):
        op.add_column('need', sa.Column(name, sa.BigInteger(), nullable=True))
    op.add_column('need', sa.Column('decision_reason', sa.String(), nullable=True))
    for name in ('status_since', 'last_word_at', 'last_word_recorded_at', 'met_seen_at'):
        op.add_column('need', sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    # What could be served until now goes on being served, and has its whole life before it.
    op.execute("UPDATE need SET status = 'approved', approved_base = quantity_base WHERE status = 'submitted'")
    op.execute('UPDATE need SET status_since = now(), last_word_at = posted_at, last_word_recorded_at = now()')
    for name in ('status_since', 'last_word_at', 'last_word_recorded_at'):
        op.alter_column('need', name, nullable=False)
    op.create_check_constraint(op.f('ck_need_approved_within_asked'), 'need', 'approved_base > 0 AND approved_base <= quantity_base')
    op.create_check_constraint(op.f('ck_need_approved_has_quantity'), 'need', "approved_base IS NOT NULL OR status <> 'approved'")
    op.create_index('ix_need_status_last_word_recorded_at', 'need', ['status', 'last_word_recorded_at'])


def move_history() -> None:
    op.execute(
        "INSERT INTO change (subject, what, reason, changed_by, organisation, changed_at) "
        "SELECT 'need:' || n.need_id, n.what, n.reason, n.changed_by, u.organisation, n.changed_at "
        'FROM need_change n JOIN app_user u ON u.id = n.changed_by '
        # What came back by a downgrade is still in the one history.
        "WHERE NOT EXISTS (SELECT 1 FROM change c WHERE c.subject = 'need:' || n.need_id AND c.changed_at = n.changed_at AND c.what = n.what) "
        'ORDER BY n.changed_at, n.need_id, n.version'
    )
    op.drop_table('need_change')


def create_region_desk() -> None:
    op.create_table('region_desk',
    sa.Column('region', sa.String(), nullable=False),
    sa.Column('organisation', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['organisation'], ['organisation.code'], name=op.f('fk_region_desk_organisation_organisation')),
    sa.ForeignKeyConstraint(['region'], ['region.code'], name=op.f('fk_region_desk_region_region')),
    sa.PrimaryKeyConstraint('region', name=op.f('pk_region_desk'))
    )


def create_approval_rule() -> None:
    op.create_table('approval_rule',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('outcome', sa.String(40), nullable=False),
    sa.Column('region', sa.String(), nullable=True),
    sa.Column('item', sa.String(), nullable=True),
    sa.Column('max_quantity_base', sa.BigInteger(), nullable=True),
    sa.Column('max_days_of_cover', sa.Integer(), nullable=True),
    sa.Column('note', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['item'], ['item.code'], name=op.f('fk_approval_rule_item_item')),
    sa.ForeignKeyConstraint(['region'], ['region.code'], name=op.f('fk_approval_rule_region_region')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_approval_rule'))
    )


def create_supply_stop() -> None:
    op.create_table('supply_stop',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('site', sa.String(), nullable=False),
    sa.Column('item', sa.String(), nullable=True),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('stopped_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('stopped_by', sa.Uuid(), nullable=False),
    sa.Column('resumed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['item'], ['item.code'], name=op.f('fk_supply_stop_item_item')),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_supply_stop_site_site')),
    sa.ForeignKeyConstraint(['stopped_by'], ['app_user.id'], name=op.f('fk_supply_stop_stopped_by_app_user')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_supply_stop'))
    )
    op.create_index(op.f('ix_supply_stop_site'), 'supply_stop', ['site'])
    op.create_index('uq_supply_stop_open', 'supply_stop', ['site', sa.text("coalesce(item, '')")], unique=True, postgresql_where=sa.text('resumed_at IS NULL'))


def downgrade() -> None:
    op.drop_table('supply_stop')
    op.drop_table('approval_rule')
    op.drop_table('region_desk')
    bring_history_back()
    narrow_need()


def bring_history_back() -> None:
    op.create_table('need_change',
    sa.Column('need_id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('changed_by', sa.Uuid(), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('what', sa.String(), nullable=False),
    sa.Column('reason', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['changed_by'], ['app_user.id'], name=op.f('fk_need_change_changed_by_app_user')),
    sa.ForeignKeyConstraint(['need_id'], ['need.id'], name=op.f('fk_need_change_need_id_need')),
    sa.PrimaryKeyConstraint('need_id', 'version', name=op.f('pk_need_change'))
    )
    # The one history is append-only and keeps its rows; what a rule did was done by nobody.
    op.execute(
        'INSERT INTO need_change (need_id, version, changed_by, changed_at, what, reason) '
        'SELECT n.id, 1 + row_number() OVER (PARTITION BY n.id ORDER BY c.sequence), c.changed_by, c.changed_at, c.what, c.reason '
        "FROM change c JOIN need n ON c.subject = 'need:' || n.id WHERE c.changed_by IS NOT NULL"
    )


def narrow_need() -> None:
    op.drop_index('ix_need_status_last_word_recorded_at', table_name='need')
    op.drop_constraint(op.f('ck_need_approved_has_quantity'), 'need')
    op.drop_constraint(op.f('ck_need_approved_within_asked'), 'need')
    op.execute("UPDATE need SET status = 'submitted' WHERE status = 'approved'")
    op.execute("UPDATE need SET status = 'cancelled' WHERE status <> 'submitted'")
    for name in ('status_since', 'last_word_at', 'last_word_recorded_at', 'met_seen_at', 'decision_reason', 'suggested_base', 'approved_base', 'stock_on_hand_base', 'use_per_day_base'):
        op.drop_column('need', name)
