using Clustron.Internal;
using StackExchange.Redis;

namespace Clustron.Tests;

public class CommandTests
{
    private static string Words(Command command) => string.Join(' ', command.Arguments.Select(a => a.ToString()).Prepend(command.Name));

    [Fact]
    public void Wrappers_take_the_whole_command()
    {
        Command set = Command.Set("k", "v", new PutOptions { Ttl = TimeSpan.FromSeconds(2), IfRevision = 7 });
        Assert.Equal("SET k v PX 2000 IFREV 7", Words(set));
        Assert.Equal("ONCE r 60000 SET k v PX 2000 IFREV 7", Words(new RequestId("r", TimeSpan.FromMinutes(1)).Wrap(set)));
    }

    [Fact]
    public void Keys_stay_keys_within_wrappers()
    {
        Command wrapped = RequestId.New().Wrap(Command.HashSet("k", "f", "v"));
        Assert.Single(wrapped.Arguments.OfType<RedisKey>(), k => k == "k");
    }

    [Fact]
    public void A_transaction_counts_conditions_commands_and_words()
    {
        Command txn = new TransactionBuilder()
            .If(TxnCondition.Revision("a", 3), TxnCondition.Value("b", "x", Comparison.NotEqual), TxnCondition.Holds("l", 9))
            .Then(Command.Set("a", "1"), Command.Increment("n"))
            .Else(Command.Get("a"))
            .ToCommand();
        Assert.Equal("TXN IF 3 REV a = 3 VALUE b != x LOCK l 9 THEN 2 3 SET a 1 3 INCRBY n 1 ELSE 1 2 GET a", Words(txn));
        Assert.Throws<InvalidOperationException>(() => new TransactionBuilder().If(TxnCondition.Exists("a")).ToCommand());
    }

    [Fact]
    public void What_makes_no_sense_is_refused_before_it_is_sent()
    {
        Assert.Throws<ArgumentException>(() => Command.Of("LOCK ACQUIRE", "x"));
        Assert.Throws<ArgumentException>(() => Command.Set("k", "v", new PutOptions { Ttl = TimeSpan.FromSeconds(1), LeaseId = "l" }));
        Assert.Throws<ArgumentException>(() => Command.Set("k", "v", new PutOptions { IfAbsent = true, IfRevision = 1 }));
        Assert.Throws<ArgumentException>(() => Command.Set("k", "v", new PutOptions { Ttl = TimeSpan.Zero }));
        Assert.Throws<ArgumentException>(() => Counters.Step("k", 1, new CounterOptions { TtlOnlyIfNone = true }));
        Assert.Throws<ArgumentOutOfRangeException>(() => Arguments.Ttl(TimeSpan.FromMilliseconds(99), "ttl"));
        Assert.Throws<ArgumentOutOfRangeException>(() => Arguments.Ttl(TimeSpan.FromDays(31), "ttl"));
        Assert.Throws<ArgumentException>(() => new ClustronClient(new FakePort(), new ClustronOptions { ClientName = new string('x', 65) }));
    }

    [Fact]
    public void A_counter_steps_by_INCREX() =>
        Assert.Equal(
            "INCREX k BYINT -2 LBOUND 0 UBOUND 9 SATURATE PX 1500 ENX",
            Words(Counters.Step("k", -2, new CounterOptions { Min = 0, Max = 9, Saturate = true, Ttl = TimeSpan.FromMilliseconds(1500), TtlOnlyIfNone = true })));

    [Theory]
    [InlineData("LOCKED a lock guards the key 'x'", typeof(LockedException))]
    [InlineData("NOLEASE lease 'l' is gone", typeof(NoLeaseException))]
    [InlineData("NOTXN it is over", typeof(NoTransactionException))]
    [InlineData("UNCERTAIN it may", typeof(UncertainException))]
    [InlineData("CLUSTERDOWN 1 of 3", typeof(UnavailableException))]
    [InlineData("WRONGTYPE no", typeof(ClustronException))]
    public void Errors_are_typed_by_their_first_word(string text, Type type)
    {
        var error = Assert.IsAssignableFrom<ClustronException>(Errors.Typed(new RedisServerException(text)));
        Assert.IsType(type, error);
        Assert.Equal(text.Split(' ')[0], error.Code);
        Assert.Equal(text, error.Message);
    }

    [Fact]
    public void Numbers_in_errors_are_told()
    {
        Assert.Equal(71, Assert.IsType<FencedException>(Errors.Typed(new RedisServerException("FENCED current=71 lock 'x' is held"))).CurrentToken);
        Assert.Equal(17, Assert.IsType<CompactedException>(Errors.Typed(new RedisServerException("COMPACTED 17 changes before"))).OldestRevision);
        Assert.Equal("ERR", Errors.CodeOf("something lower"));
    }

    [Fact]
    public void Only_what_certainly_did_not_happen_is_not_applied()
    {
        Assert.Equal(Outcome.NotApplied, Errors.Judge(new RedisServerException("CLUSTERDOWN x")));
        Assert.Equal(Outcome.NotApplied, Errors.Judge(new RedisServerException("LOADING x")));
        Assert.Equal(Outcome.Unknown, Errors.Judge(new RedisServerException("UNCERTAIN x")));
        Assert.Equal(Outcome.Refused, Errors.Judge(new RedisServerException("ERR x")));
        Assert.Equal(Outcome.Unknown, Errors.Judge(new RedisTimeoutException("x", CommandStatus.WaitingToBeSent)));
        Assert.Equal(Outcome.Unknown, Errors.Judge(new RedisConnectionException(ConnectionFailureType.SocketClosed, "x", null, CommandStatus.Sent)));
        Assert.Equal(Outcome.NotApplied, Errors.Judge(new RedisConnectionException(ConnectionFailureType.SocketClosed, "x", null, CommandStatus.WaitingToBeSent)));
        Assert.Equal(Outcome.Refused, Errors.Judge(new InvalidCastException()));
    }
}
