"""Runs in parts that many workers solve, what-ifs, and what people set by hand."""

import sqlalchemy as sa

from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def widen_run() -> None:
    """Runs that are there already were made to be carried out."""
    op.add_column('run', sa.Column('kind', sa.String(40), nullable=False, server_default='allocation'))
    op.add_column('run', sa.Column('base_run', sa.Uuid(), nullable=True))
    op.add_column('run', sa.Column('orders', sa.JSON(), nullable=True))
    op.add_column('run', sa.Column('content_digest', sa.String(), nullable=True))
    op.add_column('run', sa.Column('snapshot_digest', sa.String(), nullable=True))
    op.add_column('run', sa.Column('plan_digest', sa.String(), nullable=True))
    op.add_column('run', sa.Column('parts_done', sa.Integer(), nullable=False, server_default='0'))
    op.add_column('run', sa.Column('parts_total', sa.Integer(), nullable=False, server_default='0'))
    op.add_column('run', sa.Column('taken_up_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('run', sa.Column('stop_asked_by', sa.Uuid(), nullable=True))
    op.add_column('run', sa.Column('stop_asked_at', sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE run SET snapshot_digest = encode(sha256(snapshot), 'hex'), plan_digest = encode(sha256(plan), 'hex')")
    op.alter_column('run', 'snapshot_digest', nullable=False)
    for name in ('kind', 'parts_done', 'parts_total'):
        op.alter_column('run', name, server_default=None)
    op.create_index(op.f('ix_run_base_run'), 'run', ['base_run'], unique=False)
    op.create_foreign_key(op.f('fk_run_base_run_run'), 'run', 'run', ['base_run'], ['id'])
    op.create_foreign_key(op.f('fk_run_stop_asked_by_app_user'), 'run', 'app_user', ['stop_asked_by'], ['id'])


def create_run_part() -> None:
    op.create_table('run_part',
    sa.Column('run_id', sa.Uuid(), nullable=False),
    sa.Column('stage', sa.Integer(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('digest', sa.String(), nullable=False),
    sa.Column('task', sa.LargeBinary(), nullable=True),
    sa.Column('result', sa.LargeBinary(), nullable=True),
    sa.Column('failure', sa.JSON(), nullable=True),
    sa.Column('solved_by', sa.String(), nullable=True),
    sa.Column('queued_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('solved_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['run_id'], ['run.id'], name=op.f('fk_run_part_run_id_run')),
    sa.PrimaryKeyConstraint('run_id', 'stage', 'number', name=op.f('pk_run_part'))
    )


def upgrade() -> None:
    widen_run()
    create_run_part()


def downgrade() -> None:
    op.drop_table('run_part')
    op.drop_constraint(op.f('fk_run_stop_asked_by_app_user'), 'run', type_='foreignkey')
    op.drop_constraint(op.f('fk_run_base_run_run'), 'run', type_='foreignkey')
    op.drop_index(op.f('ix_run_base_run'), table_name='run')
    for name in (
        'stop_asked_at', 'stop_asked_by', 'taken_up_at', 'parts_total', 'parts_done',
        'plan_digest', 'snapshot_digest', 'content_digest', 'orders', 'base_run', 'kind',
    ):
        op.drop_column('run', name)
