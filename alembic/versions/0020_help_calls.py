"""Calls for help from the community."""

import sqlalchemy as sa

from alembic import op

revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('help_call',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('region', sa.String(), nullable=False),
    sa.Column('words', sa.String(), nullable=False),
    sa.Column('place', sa.String(), nullable=True),
    sa.Column('contact', sa.String(), nullable=True),
    sa.Column('state', sa.String(40), nullable=False),
    sa.Column('site', sa.String(), nullable=True),
    sa.Column('request_id', sa.Uuid(), nullable=True),
    sa.Column('answer', sa.String(), nullable=True),
    sa.Column('called_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('settled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['region'], ['region.code'], name=op.f('fk_help_call_region_region')),
    sa.ForeignKeyConstraint(['request_id'], ['supply_request.id'], name=op.f('fk_help_call_request_id_supply_request')),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_help_call_site_site')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_help_call'))
    )
    op.create_index(op.f('ix_help_call_region'), 'help_call', ['region'])
    op.create_index(op.f('ix_help_call_site'), 'help_call', ['site'])
    op.create_index(op.f('ix_help_call_state'), 'help_call', ['state'])


def downgrade() -> None:
    op.drop_table('help_call')
