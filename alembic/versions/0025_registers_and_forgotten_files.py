"""Registers of community points, and files whose bytes were forgotten."""

import sqlalchemy as sa

from alembic import op

revision = '0025'
down_revision = '0026'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('registered_household',
    sa.Column('site', sa.String(), nullable=False),
    sa.Column('household', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_registered_household_site_site')),
    sa.PrimaryKeyConstraint('site', 'household', name=op.f('pk_registered_household'))
    )
    op.add_column('booking', sa.Column('on_register', sa.Boolean(), nullable=False, server_default=sa.false()))
    op.alter_column('booking', 'on_register', server_default=None)
    op.alter_column('stored_file', 'content', nullable=True)


def downgrade() -> None:
    op.execute("UPDATE stored_file SET content = '' WHERE content IS NULL")
    op.alter_column('stored_file', 'content', nullable=False)
    op.drop_column('booking', 'on_register')
    op.drop_table('registered_household')
