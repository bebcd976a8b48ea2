"""Saved policies, partial approvals and shortage levels."""

import sqlalchemy as sa

from alembic import op

revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('saved_policy',
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('newest', sa.Integer(), nullable=False),
    sa.Column('is_default', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_saved_policy'))
    )
    op.create_index('uq_saved_policy_default', 'saved_policy', ['is_default'], unique=True, postgresql_where=sa.text('is_default'))
    op.create_table('policy_version',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('weights', sa.JSON(), nullable=False),
    sa.Column('why', sa.String(), nullable=False),
    sa.Column('saved_by', sa.Uuid(), nullable=False),
    sa.Column('saved_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['name'], ['saved_policy.name'], name=op.f('fk_policy_version_name_saved_policy')),
    sa.ForeignKeyConstraint(['saved_by'], ['app_user.id'], name=op.f('fk_policy_version_saved_by_app_user')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_policy_version')),
    sa.UniqueConstraint('name', 'version', name=op.f('uq_policy_version_name_version'))
    )
    op.create_table('shortage_rule',
    sa.Column('region', sa.String(), nullable=False),
    sa.Column('item', sa.String(), nullable=False),
    sa.Column('watch_days_tenths', sa.Integer(), nullable=False),
    sa.Column('tight_days_tenths', sa.Integer(), nullable=False),
    sa.Column('short_days_tenths', sa.Integer(), nullable=False),
    sa.Column('critical_days_tenths', sa.Integer(), nullable=False),
    sa.Column('watch_share_ppm', sa.Integer(), nullable=False),
    sa.Column('tight_share_ppm', sa.Integer(), nullable=False),
    sa.Column('short_share_ppm', sa.Integer(), nullable=False),
    sa.Column('critical_share_ppm', sa.Integer(), nullable=False),
    sa.Column('alert_from', sa.String(40), nullable=False),
    sa.Column('why', sa.String(), nullable=False),
    sa.Column('set_by', sa.Uuid(), nullable=False),
    sa.Column('set_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['region'], ['region.code'], name=op.f('fk_shortage_rule_region_region')),
    sa.ForeignKeyConstraint(['set_by'], ['app_user.id'], name=op.f('fk_shortage_rule_set_by_app_user')),
    sa.PrimaryKeyConstraint('region', 'item', name=op.f('pk_shortage_rule'))
    )
    op.create_table('emergency_approval',
    sa.Column('run_id', sa.Uuid(), nullable=False),
    sa.Column('approved_by', sa.Uuid(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('pieces', sa.BigInteger(), nullable=False),
    sa.Column('approved_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('verdict', sa.String(40), nullable=True),
    sa.Column('reviewed_by', sa.Uuid(), nullable=True),
    sa.Column('reviewed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('review_note', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['approved_by'], ['app_user.id'], name=op.f('fk_emergency_approval_approved_by_app_user')),
    sa.ForeignKeyConstraint(['reviewed_by'], ['app_user.id'], name=op.f('fk_emergency_approval_reviewed_by_app_user')),
    sa.ForeignKeyConstraint(['run_id'], ['run.id'], name=op.f('fk_emergency_approval_run_id_run')),
    sa.PrimaryKeyConstraint('run_id', name=op.f('pk_emergency_approval'))
    )
    op.create_index(op.f('ix_emergency_approval_verdict'), 'emergency_approval', ['verdict'], unique=False)
    op.create_table('hand_rule',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(40), nullable=False),
    sa.Column('site', sa.String(), nullable=True),
    sa.Column('lot_id', sa.Uuid(), nullable=True),
    sa.Column('need_id', sa.Uuid(), nullable=True),
    sa.Column('quantity_base', sa.BigInteger(), nullable=True),
    sa.Column('why', sa.String(), nullable=False),
    sa.Column('set_by', sa.Uuid(), nullable=False),
    sa.Column('set_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_by', sa.Uuid(), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_why', sa.String(), nullable=True),
    sa.Column('run_id', sa.Uuid(), nullable=True),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.CheckConstraint("kind <> 'pin' OR quantity_base > 0", name=op.f('ck_hand_rule_pin_has_quantity')),
    sa.CheckConstraint('lot_id IS NULL OR site IS NOT NULL', name=op.f('ck_hand_rule_lot_has_site')),
    sa.CheckConstraint('site IS NOT NULL OR need_id IS NOT NULL', name=op.f('ck_hand_rule_names_something')),
    sa.ForeignKeyConstraint(['ended_by'], ['app_user.id'], name=op.f('fk_hand_rule_ended_by_app_user')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_hand_rule_lot_id_lot')),
    sa.ForeignKeyConstraint(['need_id'], ['need.id'], name=op.f('fk_hand_rule_need_id_need')),
    sa.ForeignKeyConstraint(['run_id'], ['run.id'], name=op.f('fk_hand_rule_run_id_run')),
    sa.ForeignKeyConstraint(['set_by'], ['app_user.id'], name=op.f('fk_hand_rule_set_by_app_user')),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_hand_rule_site_site')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_hand_rule'))
    )
    op.create_index(op.f('ix_hand_rule_ended_at'), 'hand_rule', ['ended_at'], unique=False)
    op.create_index(op.f('ix_hand_rule_need_id'), 'hand_rule', ['need_id'], unique=False)
    op.create_table('nightly_run',
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('run_id', sa.Uuid(), nullable=True),
    sa.Column('why_none', sa.String(), nullable=True),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['run_id'], ['run.id'], name=op.f('fk_nightly_run_run_id_run')),
    sa.PrimaryKeyConstraint('day', name=op.f('pk_nightly_run'))
    )
    op.add_column('run', sa.Column('policy_name', sa.String(), nullable=True))
    op.add_column('run', sa.Column('policy_version', sa.Integer(), nullable=True))
    op.add_column('run', sa.Column('approved_part', sa.LargeBinary(), nullable=True))
    op.add_column('run', sa.Column('approved_part_digest', sa.String(), nullable=True))
    op.add_column('run', sa.Column('pieces_approved', sa.BigInteger(), nullable=True))
    op.add_column('run', sa.Column('rest', sa.String(40), nullable=True))
    op.add_column('run', sa.Column('rest_reason', sa.String(), nullable=True))
    op.alter_column('run', 'started_by', nullable=True)
    op.create_foreign_key('fk_run_policy', 'run', 'policy_version', ['policy_name', 'policy_version'], ['name', 'version'])


def downgrade() -> None:
    op.drop_constraint('fk_run_policy', 'run', type_='foreignkey')
    op.alter_column('run', 'started_by', nullable=False)
    op.drop_column('run', 'rest_reason')
    op.drop_column('run', 'rest')
    op.drop_column('run', 'pieces_approved')
    op.drop_column('run', 'approved_part_digest')
    op.drop_column('run', 'approved_part')
    op.drop_column('run', 'policy_version')
    op.drop_column('run', 'policy_name')
    op.drop_table('nightly_run')
    op.drop_index(op.f('ix_hand_rule_need_id'), table_name='hand_rule')
    op.drop_index(op.f('ix_hand_rule_ended_at'), table_name='hand_rule')
    op.drop_table('hand_rule')
    op.drop_index(op.f('ix_emergency_approval_verdict'), table_name='emergency_approval')
    op.drop_table('emergency_approval')
    op.drop_table('shortage_rule')
    op.drop_table('policy_version')
    op.drop_index('uq_saved_policy_default', table_name='saved_policy', postgresql_where=sa.text('is_default'))
    op.drop_table('saved_policy')
